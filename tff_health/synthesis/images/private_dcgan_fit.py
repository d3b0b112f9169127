"""One fit of a private DCGAN: the counts' release, then the rounds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.xray_phantom import draw_images
from tff_health.analytics.label_counts import release_label_counts
from tff_health.learning.dcgan.private_task import PrivateDcganTask
from tff_health.learning.dcgan.realism import realism
from tff_health.learning.gan.private_critic import build_private_gan_process
from tff_health.synthesis.images.dcgan_generator import DcganGenerator
from tff_health.synthesis.images.synthesizer import FittedImages, Probe, Progress
from tff_health.synthesis.images.training_images import TrainingImages
from tff_health.synthesis.private_gan_rounds import PrivateGanRounds, released_once

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.images.private_dcgan import PrivateDcgan

_PUBLIC_SEED = 0  # of the simulated chests, which are the same for everybody


def fit_private_dcgan(
    settings: PrivateDcgan,
    images: TrainingImages,
    *,
    seed: int,
    progress: Progress | None,
    checkpoints: CheckpointStore | None,
    probe: Probe | None,
) -> FittedImages:
    """Fits in TFF's current execution context; see `PrivateDcgan.fit` for all of it."""
    hospitals, classes = len(images.rows), images.classes
    own, public = settings.training, _public_images(images.size, settings.public_images)
    # Before anything is released: a size of images that the networks do not have is refused here.
    PrivateDcganTask(images.size, np.ones(len(classes)), own, public).build_networks()

    def release() -> str:
        statistics = settings.releases.statistics(hospitals)
        return json.dumps(release_label_counts(images.labels, statistics, len(classes)).tolist())

    text, saved = released_once(checkpoints, "counts", release, "private DCGAN")
    counts = np.array(json.loads(text))
    task = PrivateDcganTask(images.size, counts, own, public)
    privacy = settings.releases.patient_level(hospitals)

    def generator(weights: Sequence[np.ndarray]) -> DcganGenerator:
        return DcganGenerator(images.size, classes, counts, own.networks(), weights)

    trained = PrivateGanRounds(
        build_private_gan_process(
            task, own.training(), privacy, [len(own_rows) for own_rows in images.rows], seed=seed
        ),
        privacy,
        images.rows,
        rounds=settings.rounds,
        turns=own.generator_updates,
        seed=seed,
        subject="private DCGAN",
        released={"counts": text},
        probes=settings.probes,
        probe=None if probe is None else lambda weights: probe(generator(weights)),
        progress=progress,
        checkpoints=checkpoints,
        saved=saved,
    ).run()
    judge = realism(task, trained.critic, len(classes))
    return FittedImages(generator(trained.weights), trained.history, trained.facts, judge)


def _public_images(size: int, number: int) -> np.ndarray:
    """Simulated chests, half of them with an opacity."""
    return draw_images(np.arange(number) % 2, size, _PUBLIC_SEED, "public", np.zeros(number)).pixels
