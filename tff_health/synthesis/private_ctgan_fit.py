"""One fit of a private CTGAN under way: releases are made once, whatever happens in between."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import SettingsError
from data.schema import Schema
from tff_health.analytics.mixtures.settings import MixtureSettings
from tff_health.analytics.table_codec.private_fit import fit_private_codec
from tff_health.learning.ctgan.private_task import PrivateCtganTask
from tff_health.learning.dp_sgd import check_executed
from tff_health.learning.gan.hospital_data import hospital_data
from tff_health.learning.gan.private_critic import build_private_gan_process
from tff_health.learning.gan.weights import network_weights
from tff_health.runtime.attempts import single_attempt
from tff_health.runtime.nested import restore
from tff_health.runtime.seeds import tf_seed
from tff_health.synthesis.ctgan_generator import CtganGenerator
from tff_health.synthesis.released_marginals import encode_apart, fitted_from_json, fitted_to_json, released_marginals
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, latest_of_private

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.private_ctgan import PrivateCtgan

_CHUNKS = 50  # of rounds, at most, each marked as begun before it runs


class PrivateCtganFit:
    """Encoding, rounds and checkpoints.

    A checkpoint before every chunk of rounds says which rounds are about to run. Who goes on from it cannot know how
    many of them did, so they count as done, without effect: what was released in them is lost, never repeated.
    """

    def __init__(
        self,
        settings: PrivateCtgan,
        schema: Schema,
        hospitals: Sequence[np.ndarray],
        seed: int,
        progress: Progress | None,
        checkpoints: CheckpointStore | None,
        probe: Probe | None,
    ) -> None:
        self._settings, self._schema, self._seed = settings, schema, seed
        self._progress, self._checkpoints, self._probe = progress, checkpoints, probe
        self._history: list[dict[str, float]] = []
        saved = latest_of_private(checkpoints)
        if saved is None:
            with single_attempt():
                self._fitted = fit_private_codec(
                    schema,
                    hospitals,
                    settings.statistics(len(hospitals)),
                    mixture_settings=MixtureSettings(max_modes=settings.max_modes),
                )
        else:
            self._fitted = fitted_from_json(str(saved.payload["fitted"]))
            self._history = json.loads(str(saved.payload["history"]))
        codec = self._fitted.codec
        self._rows = [encode_apart(codec, matrix, seed, place) for place, matrix in enumerate(hospitals)]
        task = PrivateCtganTask(released_marginals(self._fitted, schema.target), self._fitted.counts, settings.training)
        self._privacy = settings.patient_level(len(hospitals))
        self._process = build_private_gan_process(
            task, settings.training.training(), self._privacy, [len(rows) for rows in self._rows], seed=seed
        )
        self._state = self._process.initialize()
        self._done = self._skipped = 0
        if saved is not None:
            self._state = restore(self._state, saved.payload["state"])
            begun = int(saved.payload["begun"])
            self._skipped = int(saved.payload["skipped"]) + begun
            self._done = saved.step + begun

    def run(self) -> Fitted:
        """All rounds that are left.

        Raises:
            ExecutedDifferentlyError: a hospital ran otherwise than accounted.
            SettingsError: the training ran away.
        """
        rounds, turns = self._settings.rounds, self._settings.training.generator_updates
        probes = self._settings.probes
        probed = {round((k + 1) * rounds / probes) for k in range(probes)}
        chunk = -(-rounds // _CHUNKS)
        ran, clock = 0, time.monotonic()
        self._save(begun=0)
        while self._done < rounds:
            begun = min(chunk, rounds - self._done)
            self._save(begun=begun)
            points = []
            for _ in range(begun):
                measured = self._round()
                ran += 1
                point = {"round": float(self._done), "updates": float(self._done * turns), **measured}
                if self._probe is not None and self._done in probed:
                    point |= self._probe(self._generator())
                self._history.append(point)
                points.append((self._done, point))
            self._save(begun=0)
            if self._progress is not None:
                for done, point in points:
                    self._progress(done, rounds, point)
        facts: dict[str, Any] = {"updates": (rounds - self._skipped) * turns, "rounds": rounds}
        if self._skipped:
            facts["skipped_rounds"] = self._skipped
        if ran:
            facts["seconds_per_round"] = (time.monotonic() - clock) / ran
        critic = self._process.get_model_weights(self._state).trainable["critic"]
        facts["bytes_up"] = float(sum(np.asarray(part).nbytes for part in critic))
        return Fitted(self._generator(), tuple(self._history), facts)

    def _round(self) -> dict[str, float]:
        data = [
            hospital_data(rows, tf_seed(self._seed, "round", place, self._done))
            for place, rows in enumerate(self._rows)
        ]
        with single_attempt():
            output = self._process.next(self._state, data)
        check_executed(self._privacy, output.metrics["client_work"])
        measured = {name: float(value) for name, value in dict(output.metrics["finalizer"]).items()}
        if not all(np.isfinite(value) for value in measured.values()):
            raise SettingsError(
                f"private CTGAN: the losses ran away in round {self._done + 1}; lower critic_learning_rate or "
                "generator_updates, above all with critic_hidden. What was released stays spent."
            )
        self._state, self._done = output.state, self._done + 1
        return measured

    def _save(self, *, begun: int) -> None:
        if self._checkpoints is None:
            return
        payload = {
            "state": self._state,
            "history": json.dumps(self._history),
            "fitted": fitted_to_json(self._fitted),
            "begun": begun,
            "skipped": self._skipped,
        }
        self._checkpoints.save(self._done, payload)

    def _generator(self) -> CtganGenerator:
        weights, statistics = network_weights(self._process.get_model_weights(self._state), "generator")
        return CtganGenerator(
            self._schema,
            self._fitted.codec,
            self._settings.training.networks(),
            self._fitted.counts,
            [np.asarray(values) for values in (*weights, *statistics)],
        )
