"""Trains many shadow models of a federation at once: the models' weights are stacked, [models, in, out].

A round is federated averaging as `learning.classifier` builds it for TFF, for every shadow side by side: local steps in
each hospital over the shadow's own rows, the mean over hospitals, a step of the server. The optimizers are TFF's own
objects, applied to stacked weights: their formulae are elementwise, so every model gets its own step. Gradients come
per patient from each layer's input and the loss' derivative by its output, hence clipping for private shadows costs
a norm and no second pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from data.errors import SettingsError, WrongKindError
from tff_health.privacy.membership.dense_network import DenseNetwork, ModelFunction, read_dense_network
from tff_health.privacy.membership.local_steps import build_local_steps
from tff_health.privacy.membership.shadow_batches import RoundBatches, members_of, sampled_batches, shuffled_batches
from tff_health.runtime.seeds import generator, stream

if TYPE_CHECKING:
    import tensorflow_federated as tff


class PatientDp(Protocol):
    """What is read of a patient-level guarantee; `learning.patient_dp.PatientLevelDp` is one."""

    @property
    def clip(self) -> float: ...  # noqa: D102
    @property
    def sampling_rate(self) -> float: ...  # noqa: D102
    @property
    def local_steps(self) -> int: ...  # noqa: D102
    @property
    def clipping(self) -> Literal["flat", "per-layer"]: ...  # noqa: D102
    @property
    def expected_batch(self) -> float | None: ...  # noqa: D102
    @property
    def noise_stddev(self) -> float: ...  # noqa: D102


class BatchedFederatedTraining:
    """Federated training of many models of one architecture at once.

    Args:
        model_function: returns a Keras model of dense and activation layers that ends in one sigmoid unit; the loss is
            binary cross-entropy.
        feature_shape: shape of one patient's features.
        client_optimizer: a `tff.learning.optimizers` object with elementwise formulae (all but Adafactor); its memory
            starts afresh every round.
        server_optimizer: what the server applies the mean change with; default: adds it as it is.
        weighting: hospitals' weights in the mean: their numbers of rows, or alike.
        privacy: clips and noises as `learning.dp_sgd` does. Noise is fresh at every call and has no seed.

    Raises:
        WrongKindError: the model or an optimizer is none that can be trained so; train one by one instead.
        SettingsError: a guarantee with weighting by rows.
    """

    def __init__(
        self,
        model_function: ModelFunction,
        feature_shape: Sequence[int],
        *,
        client_optimizer: tff.learning.optimizers.Optimizer,
        server_optimizer: tff.learning.optimizers.Optimizer | None = None,
        weighting: Literal["examples", "uniform"] = "examples",
        privacy: PatientDp | None = None,
    ) -> None:
        self.network: DenseNetwork = read_dense_network(model_function, feature_shape)
        import tensorflow_federated as tff

        if privacy is not None and weighting != "uniform":
            raise SettingsError('privacy: weighted aggregation under a guarantee is refused; use weighting "uniform".')
        self._server = server_optimizer or tff.learning.optimizers.build_sgdm(1.0)
        for optimizer in (client_optimizer, self._server):
            if (
                not isinstance(optimizer, tff.learning.optimizers.Optimizer)
                or "adafactor" in type(optimizer).__module__
            ):
                raise WrongKindError(f"{type(optimizer).__name__} cannot step many shadow models at once.")
        self._weighting = weighting
        self._privacy = privacy
        self._local_steps = build_local_steps(self.network, client_optimizer, privacy)

    def rounds(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        hospitals: np.ndarray,
        masks: np.ndarray,
        *,
        rounds: int,
        seed: int,
        epochs: int = 1,
        batch_size: int = 32,
        initial: Sequence[np.ndarray] | None = None,
    ) -> Iterator[list[np.ndarray]]:
        """Trains, and gives the shared models after every round.

        Args:
            features: of the pool, [rows, *feature_shape].
            labels: 0 or 1, [rows].
            hospitals: each row's hospital, [rows].
            masks: which rows train which shadow, bool [shadows, rows]. A shadow does not depend on other rows.
            rounds: of training.
            seed: of batch orders and initial weights; the orders are those of `stream(seed, "order", hospital, shadow,
                round)`, what an arm's repeat of that number uses. Privacy noise does not come from it.
            epochs: local passes over the rows; unused under `privacy`, which has its own local steps.
            batch_size: unused under `privacy`.
            initial: weights to start from, each [*shape] for all shadows or [shadows, *shape]; default: drawn for each
                shadow as Keras would.

        Yields:
            Weights in Keras' order, float32 [shadows, *shape] each.
        """
        import tensorflow as tf

        flat, truth, masks = _checked(features, labels, hospitals, masks)
        places = np.asarray(hospitals).astype(str)
        names = [str(name) for name in np.unique(places[masks.any(axis=0)])]
        members = members_of(masks, places, names)
        sizes = np.array([len(rows) for rows in members], np.float32)
        weights = self._starting_weights(initial, len(masks), seed)
        state = self._server.initialize([tf.TensorSpec(value.shape, value.dtype) for value in weights])
        for number in range(1, rounds + 1):
            batches = self._batches(members, names, seed, number, epochs, batch_size)
            repeated = [tf.repeat(value, len(names), axis=0) for value in weights]
            updates = self._local_steps(
                repeated, flat, truth, batches.rows, batches.present, batches.active, self._divisors(sizes)
            )
            change = _mean(updates, sizes if self._weighting == "examples" else None, len(names))
            state, weights = self._server.next(state, weights, change)
            yield [value.numpy() for value in weights]

    def scores(self, weights: Sequence[np.ndarray], features: np.ndarray) -> np.ndarray:
        """Probabilities of class 1 of all rows under all models, float64 [models, rows]; NaN where a model diverged."""
        import tensorflow as tf
        from scipy.special import expit

        flat = np.asarray(features, np.float32).reshape(1, len(features), -1)
        logits = self.network.forward([tf.constant(value) for value in weights], tf.constant(flat))[1][-1]
        return expit(logits.numpy()[:, :, 0].astype(np.float64))

    def _starting_weights(self, initial: Sequence[np.ndarray] | None, shadows: int, seed: int) -> list[Any]:
        import tensorflow as tf

        if initial is None:
            initial = self.network.initial_weights([stream(seed, "shadow weights", s) for s in range(shadows)])
        shapes = self.network.shapes
        if len(initial) != len(shapes):
            raise ValueError(f"the network has {len(shapes)} weights, not {len(initial)}")
        return [
            tf.constant(np.broadcast_to(np.asarray(value, np.float32), (shadows, *shape)))
            for value, shape in zip(initial, shapes, strict=True)
        ]

    def _batches(
        self, members: list[np.ndarray], names: list[str], seed: int, number: int, epochs: int, batch_size: int
    ) -> RoundBatches:
        if self._privacy is None:
            return shuffled_batches(
                members, names, seed=seed, round_number=number, epochs=epochs, batch_size=batch_size
            )
        coins = generator(seed, "shadow sampling", number)
        return sampled_batches(members, steps=self._privacy.local_steps, rate=self._privacy.sampling_rate, rng=coins)

    def _divisors(self, sizes: np.ndarray) -> np.ndarray:
        """What each model's noisy sum is divided by, float32 [M]: the expected batch, not the one drawn."""
        if self._privacy is None:
            return np.ones_like(sizes)  # the mean over a batch is taken there
        if self._privacy.expected_batch is not None:
            return np.full_like(sizes, self._privacy.expected_batch)
        return np.maximum(self._privacy.sampling_rate * sizes, 1.0)


def build_train_shadows(
    training: BatchedFederatedTraining,
    features: np.ndarray,
    labels: np.ndarray,
    hospitals: np.ndarray,
    *,
    rounds: int,
    seed: int,
    epochs: int = 1,
    batch_size: int = 32,
    initial: Sequence[np.ndarray] | None = None,
    average_after: int | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """The `train_shadows` of `run_membership_inference`.

    Args:
        training: of the attacked model's architecture and settings.
        features: of the pool, [rows, *feature_shape].
        labels: 0 or 1, [rows].
        hospitals: each row's hospital, [rows].
        rounds: as the attacked model had.
        seed: of orders and initial weights.
        epochs: as in `BatchedFederatedTraining.rounds`.
        batch_size: the same.
        initial: the same.
        average_after: the model is the mean of the models of all rounds after this one, as `learning.averaging` makes
            it; None: the last round's.

    Returns:
        From masks, bool [shadows, rows], to probabilities, float64 [shadows, rows].
    """

    def train_shadows(masks: np.ndarray) -> np.ndarray:
        options: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "initial": initial}
        models = list(training.rounds(features, labels, hospitals, masks, rounds=rounds, seed=seed, **options))
        kept = models[-1:] if average_after is None else models[average_after:] or models[-1:]
        return training.scores([np.mean(values, axis=0) for values in zip(*kept, strict=True)], features)

    return train_shadows


def _mean(updates: Sequence[Any], sizes: np.ndarray | None, hospitals: int) -> list[Any]:
    """Each shadow's mean update over hospitals, weighted by `sizes` [M] or uniform.

    As in TFF's client work an update that is not finite counts as zero, and has no weight where hospitals are weighted,
    so that one hospital cannot poison the shared model.
    """
    import tensorflow as tf

    finite = tf.reduce_all(
        [tf.reduce_all(tf.math.is_finite(value), axis=list(range(1, value.shape.rank))) for value in updates], axis=0
    )
    if sizes is None:
        shares = np.full((len(finite) // hospitals, hospitals), 1 / hospitals)
    else:
        weights = (sizes * finite.numpy()).reshape(-1, hospitals)
        shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    means = []
    for value in updates:
        shape = value.shape[1:]
        clean = tf.where(tf.reshape(finite, [-1] + [1] * len(shape)), value, tf.zeros_like(value))
        grouped = tf.reshape(clean, [-1, hospitals, *shape])
        means.append(tf.einsum("sh,sh...->s...", tf.constant(shares, tf.float32), grouped))
    return means


def _checked(
    features: np.ndarray, labels: np.ndarray, hospitals: np.ndarray, masks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    flat = np.asarray(features, np.float32).reshape(len(features), -1)
    truth = np.asarray(labels, np.float32).reshape(-1)
    chosen = np.asarray(masks)
    rows = len(flat)
    if len(truth) != rows or len(hospitals) != rows or chosen.ndim != 2 or chosen.shape[1] != rows:
        raise ValueError(f"features, labels, hospitals and masks disagree on the number of rows ({rows})")
    if chosen.dtype != bool or not chosen.any(axis=1).all():
        raise ValueError("masks must be bool [shadows, rows] with a row for every shadow")
    if not np.isfinite(flat[chosen.any(axis=0)]).all():
        raise ValueError("features must be finite; impute missing values first")
    return flat, truth, chosen
