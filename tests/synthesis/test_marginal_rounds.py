"""Releases of marginals are made once: after a lost worker, after damaged checkpoints, and as their words say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dp_accounting
import numpy as np
import pytest
from marginal_example import SCHEMA, make_rows

from tff_health.runtime.attempts import attempts_allowed
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.runtime.worker import WorkerError
from tff_health.synthesis.catalogue import SYNTHESIZERS
from tff_health.synthesis.marginals import rounds
from tff_health.synthesis.marginals.independent_marginals import IndependentMarginals
from tff_health.synthesis.marginals.label_effects import LabelEffects
from tff_health.synthesis.marginals.label_histograms import LabelHistograms
from tff_health.synthesis.marginals.marginal_tree import MarginalTree
from tff_health.synthesis.marginals.settings import MarginalSynthesizer
from tff_health.synthesis.synthesizer import ReleaseLostError

HOSPITALS = [make_rows(60, seed=1), make_rows(40, seed=2)]
PRIVATE = LabelHistograms(noise_multiplier=2.0, placement="each-hospital")
ALL: list[MarginalSynthesizer] = [IndependentMarginals(), LabelHistograms(), LabelEffects(), MarginalTree()]


@pytest.fixture(scope="module", autouse=True)
def one_worker() -> Iterator[None]:
    """Keeps the worker between fits, which open their own contexts."""
    with execution_context("native"):
        yield


class LostWorker:
    """Stands in for a release: notes how often it might be attempted, and loses its worker if told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, lost: bool) -> None:
        self.allowed: list[int] = []
        self.lost = lost
        self._release = rounds.release_marginals
        monkeypatch.setattr(rounds, "release_marginals", self)

    def __call__(self, query: Any, matrices: Any, **options: Any) -> np.ndarray:
        self.allowed.append(attempts_allowed())
        if self.lost:
            raise WorkerError("the worker died")
        return self._release(query, matrices, **options)


@pytest.mark.parametrize(("noise", "allowed"), [(2.0, 1), (None, 3)])
def test_a_noisy_release_is_attempted_once(monkeypatch: pytest.MonkeyPatch, noise: float | None, allowed: int) -> None:
    release = LostWorker(monkeypatch, lost=False)
    replace(PRIVATE, noise_multiplier=noise).fit(SCHEMA, HOSPITALS, seed=0)
    assert release.allowed == [allowed]
    assert attempts_allowed() == 3


def test_a_worker_that_is_lost_in_a_release_loses_the_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = LostWorker(monkeypatch, lost=True)
    store = CheckpointStore(tmp_path, "one fit")
    with pytest.raises(WorkerError):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=store)
    release.lost = False
    with pytest.raises(ReleaseLostError, match="stopped during its release 1"):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=store)
    assert len(release.allowed) == 1


@pytest.mark.parametrize("older", [False, True])
def test_a_damaged_checkpoint_may_hide_a_release(tmp_path: Path, older: bool) -> None:
    store = CheckpointStore(tmp_path, "one fit")
    PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=store)
    *others, newest = sorted(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-5])
    for path in others:
        assert older or path.unlink() is None
    with pytest.raises(ReleaseLostError, match="account for both"):
        PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=store)
    replace(PRIVATE, noise_multiplier=None).fit(SCHEMA, HOSPITALS, seed=0, checkpoints=store)  # has none to lose


def test_checkpoints_of_other_settings_hide_nothing(tmp_path: Path) -> None:
    PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=(other := CheckpointStore(tmp_path, "another fit")))
    other.close()
    PRIVATE.fit(SCHEMA, HOSPITALS, seed=0, checkpoints=CheckpointStore(tmp_path, "one fit"))


@pytest.mark.parametrize("synthesizer", ALL, ids=lambda s: s.kind)
def test_words_name_each_releases_noise(synthesizer: MarginalSynthesizer) -> None:
    private = replace(synthesizer, noise_multiplier=2.345)
    mechanism, event = private.privacy_words()["mechanism"], private.event()
    assert isinstance(event, dp_accounting.ComposedDpEvent)
    for name, release in zip(private.rounds, event.events, strict=True):
        assert f"{name}, once, noise multiplier {release.noise_multiplier:.3g}" in mechanism
    assert "noise multiplier" not in synthesizer.privacy_words()["mechanism"]


def test_no_sum_is_called_secure_that_may_be_plain() -> None:
    assert not any("secure" in words for _, words in SYNTHESIZERS.values())
