"""One fit of a private CTGAN: the encoding's release, then the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.schema import Schema
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.statistics import Matrix
from tff_health.analytics.table_codec.private_fit import fit_private_codec
from tff_health.learning.ctgan.private_task import PrivateCtganTask
from tff_health.learning.gan.private_critic import build_private_gan_process
from tff_health.synthesis.ctgan_generator import CtganGenerator
from tff_health.synthesis.encoded_rows import rows_encoded_apart
from tff_health.synthesis.private_gan_rounds import PrivateGanRounds, released_once
from tff_health.synthesis.released_marginals import fitted_from_json, fitted_to_json, released_marginals
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.private_ctgan import PrivateCtgan


def fit_private_ctgan(
    settings: PrivateCtgan,
    schema: Schema,
    hospitals: Sequence[Matrix],
    *,
    seed: int,
    progress: Progress | None,
    checkpoints: CheckpointStore | None,
    probe: Probe | None,
) -> Fitted:
    """Fits in TFF's current execution context; see `PrivateCtgan.fit` for all of it."""

    def release() -> str:
        codec = fit_private_codec(
            schema,
            hospitals,
            settings.releases.statistics(len(hospitals)),
            mixture_settings=MixtureSettings(max_modes=settings.max_modes),
        )
        return fitted_to_json(codec)

    text, saved = released_once(checkpoints, "fitted", release, "private CTGAN")
    fitted = fitted_from_json(text)
    rows = rows_encoded_apart(fitted.codec, hospitals, seed)
    task = PrivateCtganTask(released_marginals(fitted, schema.target), fitted.counts, settings.training)
    privacy = settings.releases.patient_level(len(hospitals))

    def generator(weights: Sequence[np.ndarray]) -> CtganGenerator:
        return CtganGenerator(schema, fitted.codec, settings.training.networks(), fitted.counts, list(weights))

    trained = PrivateGanRounds(
        build_private_gan_process(task, settings.training.training(), privacy, [len(own) for own in rows], seed=seed),
        privacy,
        rows,
        rounds=settings.rounds,
        turns=settings.training.generator_updates,
        seed=seed,
        subject="private CTGAN",
        released={"fitted": text},
        probes=settings.probes,
        probe=None if probe is None else lambda weights: probe(generator(weights)),
        progress=progress,
        checkpoints=checkpoints,
        saved=saved,
    ).run()
    return Fitted(generator(trained.weights), trained.history, trained.facts)
