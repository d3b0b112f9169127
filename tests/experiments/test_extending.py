"""A user's own aggregator, model, metric and figure, from a folder outside the project."""

from __future__ import annotations

import json

import pytest
from small_experiment import SMALL, run

MINE = """
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.evaluation.registry import register_metric


def factory():
    return tff.aggregators.UnweightedMeanFactory()


def model(shape):
    return tf.keras.Sequential(
        [tf.keras.layers.InputLayer(shape), tf.keras.layers.Dense(3, "tanh"), tf.keras.layers.Dense(1, "sigmoid")]
    )
"""
REGISTERED = """
from matplotlib.figure import Figure

from tff_health.evaluation.registry import register_metric
from tff_health.reporting.figures.registry import Drawing, register_figure


@register_metric("share_called_positive")
def share(predictions):
    "share of patients called positive"
    return float(predictions.predicted.mean())


@register_figure("mine", "My own figure")
def mine(record):
    figure = Figure()
    figure.add_subplot().plot([0, 1], [1, 0])
    return Drawing(figure, "My own caption.", "A falling line.")
"""


@pytest.mark.slow
def test_own_aggregator_model_metric_and_figure(tmp_path):
    (tmp_path / "mine.py").write_text(MINE, "utf-8")
    (tmp_path / "registered.py").write_text(REGISTERED, "utf-8")
    (tmp_path / "own.toml").write_text(SMALL.format(top='extensions = ["registered"]'), "utf-8")
    arguments = ["run", "own.toml", "--out", "out", "--set", "aggregator=mine:factory", "--set", "model=mine:model"]
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    arms = results["datasets"]["paper_mock"]["arms"]
    assert arms["fedavg"]["settings"]["aggregator"] == "mine:factory"
    assert arms["fedavg"]["settings"]["model"] == "mine:model"
    assert arms["fedavg"]["privacy"] is None
    assert 0 <= arms["fedavg"]["metrics"]["test/share_called_positive"]["value"] <= 1
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "My own caption." in page


def test_a_broken_extension_gets_one_sentence(tmp_path):
    (tmp_path / "own.toml").write_text(SMALL.format(top='extensions = ["nowhere"]'), "utf-8")
    done = run("run", "own.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


@pytest.mark.slow
def test_a_users_module_hides_nothing_of_the_project(tmp_path):
    for name in ("models", "data", "queue"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported by mistake')", "utf-8")
    (tmp_path / "own.toml").write_text(SMALL.format(top="").replace("rounds = 3", "rounds = 1"), "utf-8")
    done = run("run", "own.toml", "--out", "out", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_diverging_arm_does_not_cost_the_others(tmp_path):
    document = SMALL.format(top="").replace("rounds = 3", "rounds = 2").replace("repeats = 2", "repeats = 1")
    head, rest = document.split("[datasets.paper_mock.arms.fedyogi]")
    broken = 'client_learning_rate = 1000.0\nclient_optimizer = "momentum"\nmodel = "diverging:model"\n'
    (tmp_path / "own.toml").write_text(
        head + "[datasets.paper_mock.arms.fedyogi]" + rest.replace("client_learning_rate = 0.5\n", broken, 1), "utf-8"
    )
    (tmp_path / "diverging.py").write_text(
        "import tensorflow as tf\n"
        "def model(shape):\n"
        "    squared = tf.keras.layers.Lambda(lambda x: tf.where(x > -1.0, x * float('nan'), x))\n"
        "    layers = [tf.keras.layers.InputLayer(shape), tf.keras.layers.Dense(1), squared]\n"
        "    return tf.keras.Sequential(layers)\n",
        "utf-8",
    )
    done = run("run", "own.toml", "--out", "out", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    arms = results["datasets"]["paper_mock"]["arms"]
    assert arms["fedyogi"]["metrics"]["test/accuracy"]["value"] is None
    assert "diverged" in arms["fedyogi"]["description"]
    assert arms["fedavg"]["metrics"]["test/accuracy"]["value"] > 0.4


def test_a_broken_model_function_gets_one_sentence(tmp_path):
    (tmp_path / "broken.py").write_text("def model(shape):\n    return 1 / 0\n", "utf-8")
    (tmp_path / "own.toml").write_text(SMALL.format(top=""), "utf-8")
    done = run("run", "own.toml", "--out", "out", "--quiet", "--set", "model=broken:model", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "broken:model" in done.stderr
    assert "division by zero" in done.stderr
