"""DP-SGD as a TFF client work: noise is added inside the hospital, before anything leaves it.

Abadi et al. 2016 (arXiv 1607.00133), algorithm 1, with the care that accountants take for granted: batches are true
Poisson samples (an empty one is a step too), sums are divided by the expected batch and not by the one drawn, and both
sampling and noise come from the machine's entropy, never from the experiment's seed.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from data.errors import TffHealthError
from tff_health.learning.client_work import build_client_work, executed_extremes
from tff_health.learning.clipping.clipped_sum import build_clipped_sum
from tff_health.learning.clipping.gaussian_noise import standard_normal
from tff_health.learning.keras_model import ModelFunction, input_spec
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.runtime.entropy import fresh_generator


class ExecutedDifferentlyError(TffHealthError):
    """What ran is not what was accounted: the guarantee would be false."""


_AHEAD = 1 << 22  # numbers, 16 MiB
Tensors = tuple[tf.Tensor, ...]


def build_dp_sgd_client_work(
    model_function: ModelFunction,
    feature_shape: Sequence[int],
    weights_type: tff.Type,
    *,
    privacy: PatientLevelDp,
    client_optimizer: tff.learning.optimizers.Optimizer,
    loss_function: Callable[[], tf.keras.losses.Loss] = tf.keras.losses.BinaryCrossentropy,
) -> tff.learning.templates.ClientWorkProcess:
    """Client work whose update is differentially private for every patient of the hospital.

    Its measurements say what ran: `hospitals`, and smallest and largest over hospitals of `steps`, `sampling_rate`,
    and `noise_multiplier` (of the noise on the released sum), which `check_executed` holds against the settings.
    No loss is measured: it would be a release outside the guarantee.

    Args:
        model_function: as for `build_classifier_process`.
        feature_shape: shape of one patient's features.
        weights_type: TFF type of the `ModelWeights`.
        privacy: the guarantee.
        client_optimizer: steps along the noisy gradients; its memory starts afresh every round.
        loss_function: returns a Keras loss.

    Returns:
        A process whose clients' data are sequences of (features, labels) in batches of any size: together they are the
        hospital's rows, each once.
    """
    shape = tuple(feature_shape)
    data_type = tff.SequenceType(tff.types.tensorflow_to_type(input_spec(shape)))

    @tff.tensorflow.computation(weights_type, data_type)
    def private_update(weights: Any, dataset: Any) -> Any:
        model = model_function(shape)
        clipped_sum = build_clipped_sum(model, loss_function(), clip=privacy.clip, clipping=privacy.clipping)
        # Drawn when the computation runs, not when it is traced: fresh for each hospital and round.
        noise = fresh_generator()
        return _train(model, clipped_sum, client_optimizer, privacy, noise, weights, dataset)

    return build_client_work(private_update, executed_extremes)


def _train(
    model: tf.keras.Model,
    clipped_sum: Callable[[tf.Tensor, tf.Tensor], Any],
    optimizer: tff.learning.optimizers.Optimizer,
    privacy: PatientLevelDp,
    noise: tf.random.Generator,
    initial: Any,
    dataset: tf.data.Dataset,
) -> Any:
    variables = tuple(model.trainable_variables)
    # The tensors that noise and sampling are made with are also what is reported as executed.
    stddev = tf.constant(privacy.noise_stddev, tf.float32)
    rate = tf.constant(privacy.sampling_rate, tf.float32)
    sizes = [variable.shape.num_elements() for variable in variables]
    size = sum(sizes)
    specs = tuple(tf.TensorSpec(variable.shape, variable.dtype) for variable in variables)

    @tf.function
    def train() -> tuple[Tensors, tf.Tensor]:
        features, labels = _all_rows(dataset)
        rows = tf.shape(labels)[0]
        # At least one expected row, so that an empty hospital sends noise and not a division by zero.
        own = tf.maximum(privacy.sampling_rate * tf.cast(rows, tf.float32), 1.0)
        expected = own if privacy.expected_batch is None else tf.constant(privacy.expected_batch, tf.float32)
        for variable, value in zip(variables, initial.trainable, strict=True):
            variable.assign(value)

        # What noise is cannot depend on data: drawn ahead for all steps of a round where memory allows, it costs less.
        ahead = _noise(noise, stddev, privacy.local_steps, size) if privacy.local_steps * size <= _AHEAD else None

        def step(done: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            batch = _sampled(features, labels, rate, noise) if privacy.sampling_rate < 1 else (features, labels)
            total = clipped_sum(*batch)
            added = _noise(noise, stddev, 1, size)[0] if ahead is None else tf.gather(ahead, done)
            gradients = tuple(
                (gradient + tf.reshape(part, gradient.shape)) / expected
                for gradient, part in zip(total.gradients, tf.split(added, sizes), strict=True)
            )
            weights = tuple(variable.read_value() for variable in variables)
            state, weights = optimizer.next(state, weights, gradients)
            for variable, value in zip(variables, weights, strict=True):
                variable.assign(value)
            return done + 1, state

        steps, _ = tf.while_loop(
            lambda done, _: done < privacy.local_steps,
            step,
            (tf.constant(0), optimizer.initialize(specs)),
            parallel_iterations=1,
        )
        update = tuple(
            before - variable.read_value() for before, variable in zip(initial.trainable, variables, strict=True)
        )
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(part)) for part in update])
        # An optimizer can overflow; what it did is a function of private values, so that dropping it costs nothing. A
        # share of noise is never dropped so: with shared noise the one step is linear and its numbers are bounded.
        return tuple(tf.where(finite, part, tf.zeros_like(part)) for part in update), steps

    update, steps = train()
    shares = privacy.hospitals if privacy.noise == "shared" else 1
    executed = collections.OrderedDict(
        hospitals=tf.constant(1),
        values=collections.OrderedDict(
            steps=tf.cast(steps, tf.float32),
            sampling_rate=rate,
            noise_multiplier=stddev * (shares**0.5 / privacy.clip),
        ),
    )
    result = tff.learning.templates.ClientResult(update=update, update_weight=tf.constant(1.0))
    return result, executed


def _noise(generator: tf.random.Generator, stddev: tf.Tensor, steps: int, size: int) -> tf.Tensor:
    """Independent Gaussian numbers, float32 [steps, size]."""
    return tf.reshape(stddev * standard_normal(generator, steps * size), [steps, size])


def _all_rows(dataset: tf.data.Dataset) -> tuple[tf.Tensor, tf.Tensor]:
    """The hospital's rows as two tensors, however they were batched."""
    features_spec, labels_spec = dataset.element_spec
    empty = tuple(tf.zeros([0, *spec.shape[1:]], spec.dtype) for spec in (features_spec, labels_spec))
    return dataset.reduce(
        empty, lambda rows, batch: tuple(tf.concat(pair, 0) for pair in zip(rows, batch, strict=True))
    )


def _sampled(
    features: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor, noise: tf.random.Generator
) -> tuple[tf.Tensor, tf.Tensor]:
    """A Poisson sample: every row by its own coin."""
    taken = tf.reshape(tf.where(noise.uniform([tf.shape(labels)[0]]) < rate), [-1])
    return tf.gather(features, taken), tf.gather(labels, taken)


def check_executed(privacy: PatientLevelDp, measurements: Any) -> None:
    """Holds what a round's measurements say against the settings that are accounted.

    Args:
        privacy: what the accountant charges.
        measurements: of the client work: `metrics["client_work"]` of a round.

    Raises:
        ExecutedDifferentlyError: a hospital made another number of steps, or sampled or noised otherwise.
    """
    planned = {
        "steps": float(privacy.local_steps),
        "sampling_rate": privacy.sampling_rate,
        "noise_multiplier": privacy.noise_multiplier,
    }
    if int(measurements["hospitals"]) != privacy.hospitals:
        raise ExecutedDifferentlyError(
            f"privacy: {int(measurements['hospitals'])} hospitals took part in a round, but {privacy.hospitals} are "
            "accounted; the run was stopped."
        )
    for name, value in planned.items():
        for end in ("smallest", "largest"):
            ran = float(measurements[end][name])
            if abs(ran - value) > 1e-6 * max(1.0, value):
                raise ExecutedDifferentlyError(
                    f"privacy: a hospital ran with {name} = {ran:g}, but {value:g} is accounted; the run was stopped."
                )
