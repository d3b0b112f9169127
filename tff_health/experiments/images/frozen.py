"""The classifier on whose features generators are compared: trained once for a dataset, on real images, and kept."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.image_federation import ImageFederation
from data.streams import stream
from tff_health.evaluation.images.frozen_classifier import FrozenClassifier, train_classifier
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.images.image_sets import training_images, validation_images

_STOPPING_SHARE = 0.1


def frozen_classifier(
    federation: ImageFederation, checkpoints: DatasetCheckpoints, digest: str, lock: Path, seed: int
) -> FrozenClassifier:
    """The dataset's classifier: trained on all training images, stopped by the validation images.

    Whichever process needs it first trains it, others wait for it; they would all get the same one.

    Args:
        federation: where there are no validation images of both classes, a tenth of the training images stops.
        checkpoints: of the dataset.
        digest: of the images.
        lock: a file that tells processes apart.
        seed: of its weights and training.
    """
    with _alone(lock), checkpoints.store(digest, "frozen-classifier") as store:
        saved = checkpoints.latest(store)
        if saved is not None:
            return _rebuilt(federation.size, saved)
        train, stopping = training_images(federation), validation_images(federation)
        if stopping is None or len(stopping.classes) < 2:
            stopping, train = train.split(_STOPPING_SHARE, stream(seed, "frozen classifier", "stopping"))
        trained = train_classifier(train, stopping, seed=seed)
        weights = [np.asarray(values) for values in trained.extractor.get_weights()]
        store.save(0, {"weights": weights, "epochs": trained.epochs, "stopping_loss": trained.stopping_loss})
        return trained


def _rebuilt(size: int, saved: dict[str, object]) -> FrozenClassifier:
    from models.xray_classifier import feature_extractor, xray_cnn

    extractor = feature_extractor(xray_cnn((size, size, 1), seed=0))
    extractor.set_weights(saved["weights"])
    return FrozenClassifier(extractor, int(str(saved["epochs"])), float(str(saved["stopping_loss"])))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits for other processes; the kernel frees the claim of one that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        with contextlib.suppress(OSError):  # some network file systems cannot lock; then two may train the same one
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
