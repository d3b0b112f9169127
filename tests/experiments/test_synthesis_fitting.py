"""Every release of a fit stands in the ledger, however often and wherever the fit is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from interrupted_synthesizer import SCHEMA, Interrupted, StoppedError

from tff_health.experiments.generators.arm_plan import ArmPlan, plan_arm
from tff_health.experiments.generators.entered_fit import enter, is_entered
from tff_health.experiments.synthesis.fitting import Part, fit_part
from tff_health.experiments.synthesis.settings import SynthesisArm
from tff_health.privacy.budget import Budget
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.runtime.checkpoints import CheckpointStore

KEY = ArmKey("heart", "private", 1)
ROWS = np.array([[3.0, 0.0], [5.0, 1.0]])
PART = Part("", (ROWS, ROWS), ("east", "west"), (2, 2))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[PrivacyLedger]:
    with PrivacyLedger(tmp_path / "ledger.jsonl") as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", "one cell")


def fit(synthesizer: Interrupted, ledger: PrivacyLedger, store: CheckpointStore, part: Part = PART) -> None:
    plan = ArmPlan(synthesizer, Budget(1.0, 1e-5, "patient"))
    fit_part(plan, part, SCHEMA, KEY, ledger, seed=1, progress=lambda *_: None, checkpoints=store)


def stopped(synthesizer: Interrupted, ledger: PrivacyLedger, store: CheckpointStore) -> None:
    with pytest.raises(StoppedError):
        fit(synthesizer, ledger, store)


def entered(ledger: PrivacyLedger) -> list[float | None]:
    return [getattr(entry.event, "noise_multiplier", None) for entry in ledger.entries]


def test_one_fit_is_one_entry_wherever_it_goes_on(ledger, store):
    private = Interrupted(stop="after")
    stopped(private, ledger, store)
    fit(replace(private, stop=""), ledger, store)
    assert private.made == entered(ledger) == [4.0]


def test_a_lost_release_is_entered_again_and_the_new_fit_has_checkpoints(ledger, store):
    private = Interrupted(stop="during")
    stopped(private, ledger, store)
    stopped(replace(private, stop="after"), ledger, store)
    assert private.made == entered(ledger) == [4.0, 4.0]
    fit(replace(private, stop=""), ledger, store)  # from the new fit's checkpoint: nothing is released a third time
    assert private.made == entered(ledger) == [4.0, 4.0]


def test_a_damaged_checkpoint_is_one_more_fit(ledger, store, tmp_path):
    private = Interrupted(stop="after")
    stopped(private, ledger, store)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-5])
    fit(replace(private, stop=""), ledger, store)
    assert private.made == entered(ledger) == [4.0, 4.0]
    older.unlink(missing_ok=True)
    newest.write_bytes(b"torn")  # now the only one
    fit(replace(private, stop=""), ledger, store)
    assert private.made == entered(ledger) == [4.0, 4.0, 4.0]


@pytest.mark.parametrize("noise", [5.0, None])
def test_what_another_plan_released_is_not_gone_on_from(ledger, store, noise):
    """Another version of the project plans other noise for the same settings: one entry does not cover the other."""
    before = Interrupted(stop="after", noise_multiplier=noise)
    stopped(before, ledger, store)
    now = Interrupted(stop="after", noise_multiplier=4.0)
    stopped(now, ledger, store)
    assert now.made == [4.0]
    assert entered(ledger) == [noise, 4.0]
    fit(replace(now, stop=""), ledger, store)
    assert now.made == [4.0]
    assert entered(ledger) == [noise, 4.0]


def test_an_entry_of_other_hospitals_covers_nothing(ledger, store):
    private = Interrupted(stop="after")
    stopped(private, ledger, store)
    fit(replace(private, stop=""), ledger, store, Part("", (ROWS,), ("east",), (2,)))
    assert private.made == entered(ledger) == [4.0, 4.0]


def test_checkpoints_without_a_ledger_are_not_gone_on_from(ledger, store, tmp_path):
    private = Interrupted(stop="after")
    stopped(private, ledger, store)
    with PrivacyLedger(tmp_path / "new.jsonl") as empty:
        fit(replace(private, stop=""), empty, store)
        assert entered(empty) == [4.0]
    assert private.made == [4.0, 4.0]


@pytest.mark.parametrize("method", ["marginal-tree", "dp-ctgan"])
def test_entries_read_back_still_cover_their_fit(method, tmp_path):
    """Events are compared after a restart, with what the ledger's file gives back."""
    arm = SynthesisArm.model_validate({"method": method, "privacy": {"epsilon": 1.0}})
    with PrivacyLedger(tmp_path / "one.jsonl") as ledger:
        enter(plan_arm(arm, {"east": 200, "west": 200}), PART.hospitals, KEY, ledger)
    with PrivacyLedger(tmp_path / "one.jsonl") as again:
        assert is_entered(plan_arm(arm, {"east": 200, "west": 200}), PART.hospitals, KEY, again)
        assert not is_entered(
            plan_arm(arm, {"east": 200, "west": 200}), PART.hospitals, ArmKey("heart", "private", 2), again
        )


def test_what_has_no_guarantee_goes_on_as_ever(ledger, store):
    plain = Interrupted(stop="after", noise_multiplier=None)
    stopped(plain, ledger, store)
    fit(replace(plain, stop=""), ledger, store)
    assert plain.made == [None]
    assert len(ledger.entries) == 1
