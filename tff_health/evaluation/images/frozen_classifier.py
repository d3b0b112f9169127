"""A network trained on real images and then left alone: what it sees in images is what their distances rest on.

Inception's features, which the Frechet distance is usually taken on (Heusel et al. 2017), come from photographs and
from weights that would have to be downloaded. Features of a small network that tells pneumonia from normal lungs see
what matters for the diagnosis, and little else: distances on them are comparable under one trained network only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from data.errors import DataError
from data.image_arrays import checked_images
from data.streams import stream
from models.xray_classifier import feature_extractor, xray_cnn
from tff_health.evaluation.images.image_set import ImageSet

if TYPE_CHECKING:
    import tensorflow as tf

_ROWS = 256  # images a pass when the network is asked


@dataclass(frozen=True)
class TrainingSettings:
    """How the network is trained: Adam on the binary cross-entropy, the learning rate falling to 0 along a half cosine.

    Attributes:
        epochs: at most; a learning rate that stays as it is made the last epochs' test accuracy jump by .05.
        least_steps: few images are seen more often than `epochs` says, until there are as many steps.
        patience: epochs without a better loss on the stopping images before training ends; the best weights count.
        batch_size: images a step.
        learning_rate: of Adam.
        balanced: whether each class weighs the same in the loss. On PneumoniaMNIST, whose training images are three
            quarters pneumonia and test images five eighths, it made no difference that four seeds at a constant
            learning rate could show (mean test accuracy at .5 .869 with, .866 without; AUC .959 and .958), so the plain
            loss is the default.
    """

    epochs: int = 10
    least_steps: int = 400
    patience: int = 5
    batch_size: int = 64
    learning_rate: float = 1e-3
    balanced: bool = False


DEFAULT_TRAINING = TrainingSettings()


@dataclass(frozen=True, eq=False)
class FrozenClassifier:
    """A trained network that no longer changes.

    Attributes:
        extractor: from images to logits and features.
        epochs: trained, up to the best one.
        stopping_loss: cross-entropy in nats on the stopping images after that epoch.
    """

    extractor: tf.keras.Model
    epochs: int
    stopping_loss: float

    def scores(self, images: npt.ArrayLike) -> np.ndarray:
        """Probabilities of class 1, float64 [n].

        Args:
            images: float32 [n, size, size, 1] in [-1, 1], of the size trained on.

        Raises:
            DataError: the images cannot be measured.
        """
        return np.asarray(expit(self._ask(images)[0][:, 0].astype(np.float64)))

    def features(self, images: npt.ArrayLike) -> np.ndarray:
        """What the network sees, float64 [n, 64]; arguments and errors as in `scores`."""
        return self._ask(images)[1].astype(np.float64)

    def _ask(self, images: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        checked = checked_images(images, "images to classify")
        size = self.extractor.input_shape[1]
        if checked.shape[1] != size:
            raise DataError(
                f"The images to classify are {checked.shape[1]} pixels a side and those trained on {size}: bring both "
                "to one size."
            )
        logits, features = self.extractor.predict(checked, batch_size=_ROWS, verbose=0)
        return logits, features


def train_classifier(
    train: ImageSet,
    stopping: ImageSet,
    *,
    seed: int,
    settings: TrainingSettings = DEFAULT_TRAINING,
) -> FrozenClassifier:
    """Trains the network; the same seed and images give the same network, whatever TensorFlow's own seed is.

    Args:
        train: both classes.
        stopping: other images of the same size, not those that it will be tested on.
        seed: of initial weights, dropout and the order of images, 0 or more.
        settings: how it is trained.

    Raises:
        DataError: the training images are of one class, or the stopping ones of another size.
    """
    import tensorflow as tf

    if len(train.classes) < 2:
        raise DataError(f"All {train.name} have label {train.classes[0]}: a classifier needs images of both classes.")
    checked_images(stopping.images, stopping.name, train.images)
    steps = -(-len(train) // settings.batch_size)
    epochs = max(settings.epochs, -(-settings.least_steps // steps))
    network = xray_cnn(train.images.shape[1:], seed=seed)
    rate = tf.keras.optimizers.schedules.CosineDecay(settings.learning_rate, epochs * steps)
    network.compile(tf.keras.optimizers.Adam(rate), tf.keras.losses.BinaryCrossentropy(from_logits=True))
    weights = np.ones(len(train), np.float32)
    if settings.balanced:
        weights = (len(train) / (2 * np.bincount(train.labels))).astype(np.float32)[train.labels]
    rng = stream(seed, "xray classifier", "order")
    best_loss, best_epoch, best = np.inf, 0, network.get_weights()
    for epoch in range(1, epochs + 1):
        # Keras would shuffle from TensorFlow's global generator.
        order = rng.permutation(len(train))
        network.fit(
            train.images[order],
            train.labels[order],
            sample_weight=weights[order],
            batch_size=settings.batch_size,
            shuffle=False,
            verbose=0,
        )
        loss = float(network.evaluate(stopping.images, stopping.labels, batch_size=_ROWS, verbose=0))
        if loss < best_loss:
            best_loss, best_epoch, best = loss, epoch, network.get_weights()
        elif epoch - best_epoch >= settings.patience:
            break
    network.set_weights(best)
    return FrozenClassifier(feature_extractor(network), best_epoch, best_loss)
