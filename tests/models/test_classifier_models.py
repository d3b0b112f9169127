"""The networks themselves: shapes, the paper's layers, names."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data.errors import UnknownNameError, WrongKindError
from models.catalogue import MODELS, check_model_name, load_model_function
from models.classifier import logistic_regression, mlp, small_cnn


def test_the_papers_network():
    model = mlp((1,))
    assert [(layer.units, layer.activation.__name__) for layer in model.layers] == [(64, "relu"), (1, "sigmoid")]
    assert model.count_params() == 64 * 2 + 65


@pytest.mark.parametrize(
    ("name", "shape"),
    [(name, shape) for name in MODELS for shape in [(3,), (4, 4, 1)] if name != "small-cnn" or len(shape) == 3],
)
def test_models_give_one_probability_a_patient(name, shape):
    model = load_model_function(name)(shape)
    scores = model(tf.constant(np.random.default_rng(0).normal(size=(5, *shape)), tf.float32)).numpy()
    assert scores.shape == (5, 1)
    assert ((scores > 0) & (scores < 1)).all()
    assert not model.non_trainable_variables


def test_logistic_regression_starts_undecided():
    model = logistic_regression((3,))
    np.testing.assert_array_equal(model(tf.ones((2, 3))).numpy(), 0.5)


def test_the_small_cnn_is_small_and_takes_images_of_any_size():
    model = small_cnn((28, 28, 1))
    assert model.count_params() == (9 + 1) * 16 + (9 * 16 + 1) * 32 + 7 * 7 * 32 + 1
    assert not any(isinstance(layer, tf.keras.layers.BatchNormalization) for layer in model.layers)
    assert small_cnn((64, 48, 3), filters=(4, 8, 8)).output_shape == (None, 1)


@pytest.mark.parametrize("shape", [(13,), (28, 28), (8, 28, 28, 1)])
def test_the_small_cnn_says_what_it_takes(shape):
    with pytest.raises(WrongKindError, match=r"takes images of shape \(height, width, channels\)"):
        small_cnn(shape)


@pytest.mark.parametrize("name", ["mpl", ":x", "a:", "a b:c"])
def test_odd_names_are_refused_early(name):
    with pytest.raises(UnknownNameError):
        check_model_name(name)


def test_a_missing_module_is_named():
    with pytest.raises(UnknownNameError, match="nowhere"):
        load_model_function("nowhere:model")
