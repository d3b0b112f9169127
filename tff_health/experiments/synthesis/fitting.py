"""One arm in one split: who trains on what, and the generators that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.federation import Federation
from tff_health.experiments.synthesis.arm_plan import ArmPlan
from tff_health.experiments.synthesis.settings import SynthesisArm
from tff_health.privacy.composition import Event
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.runtime.seeds import integer_seed
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress, ReleaseLostError

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import CheckpointStore

Matrices = Mapping[str, np.ndarray]
"""Encoded training rows by hospital."""


@dataclass(frozen=True)
class Part:
    """Hospitals that train one generator together.

    Attributes:
        name: empty for all of them, or the hospital that trains for itself.
        matrices: what each holds, float64 [rows, columns].
        hospitals: whose rows these are, one after the other.
        sizes: how many rows of each.
    """

    name: str
    matrices: tuple[np.ndarray, ...]
    hospitals: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Training rows."""
        return sum(len(matrix) for matrix in self.matrices)


def training_matrices(federation: Federation) -> dict[str, np.ndarray]:
    """What each hospital that trains holds, as `Schema.encode` gives it."""
    return {hospital.name: federation.schema.encode(hospital.train) for hospital in federation.members}


def parts(arm: SynthesisArm, matrices: Matrices) -> tuple[Part, ...]:
    """The groups of hospitals that each train one generator."""
    if arm.patients:
        matrices = _first_patients(matrices, arm.patients)
    names, sizes = tuple(matrices), tuple(len(matrix) for matrix in matrices.values())
    if arm.data == "each-hospital":
        return tuple(Part(name, (matrices[name],), (name,), (len(matrices[name]),)) for name in names)
    if arm.data == "pooled":
        return (Part("", (np.concatenate(list(matrices.values())),), names, sizes),)
    return (Part("", tuple(matrices.values()), names, sizes),)


def _first_patients(matrices: Matrices, count: int) -> dict[str, np.ndarray]:
    """The first `count` patients, one of each hospital in turn."""
    taken = dict.fromkeys(matrices, 0)
    for name in _in_turn(matrices):
        if sum(taken.values()) == count:
            break
        taken[name] += 1
    return {name: matrix[: taken[name]] for name, matrix in matrices.items() if taken[name]}


def _in_turn(matrices: Matrices) -> Iterator[str]:
    for row in range(max(len(matrix) for matrix in matrices.values())):
        for name, matrix in matrices.items():
            if row < len(matrix):
                yield name


def fit_part(
    plan: ArmPlan,
    part: Part,
    federation: Federation,
    key: ArmKey,
    ledger: PrivacyLedger,
    *,
    seed: int,
    progress: Progress,
    checkpoints: CheckpointStore,
    probe: Probe | None = None,
) -> Fitted:
    """Fits one generator, and enters what it releases before it does.

    A fit that goes on from a checkpoint repeats no release, so that it is entered once. One that was interrupted before
    its first checkpoint, or during a release that it cannot do without, may have released something already: it is
    entered, and counted, again. So is one whose checkpoint no entry of the same event stands behind (another version of
    the project may have planned other noise), and neither goes on from what it had.

    Raises:
        TffHealthError: see `Synthesizer.fit`.
    """

    def enter_anew() -> int:
        checkpoints.clear()  # first: an old checkpoint beside the new entry would pass for what that entry covers
        return _enter(plan, part, key, ledger)

    def fit() -> Fitted:
        return plan.synthesizer.fit(
            federation.schema,
            part.matrices,
            seed=integer_seed(seed, "synthesis", key.dataset, str(key.arm), part.name, key.repeat),
            progress=progress,
            checkpoints=checkpoints,
            probe=probe,
        )

    number = None if _is_entered(plan, part, key, ledger) and checkpoints.latest() is not None else enter_anew()
    try:
        fitted = fit()
    except ReleaseLostError:
        # What was lost stays in the ledger; the new fit is entered beside it.
        number = enter_anew()
        fitted = fit()
    if number is not None:
        ledger.confirm(number)
    return fitted


def _event(plan: ArmPlan) -> Event:
    """All that a fit releases."""
    import dp_accounting

    return plan.synthesizer.event() or dp_accounting.NonPrivateDpEvent()


def _is_entered(plan: ArmPlan, part: Part, key: ArmKey, ledger: PrivacyLedger) -> bool:
    """Whether some entry covers such a fit of these hospitals."""
    event = _event(plan)
    return any(
        entry.concerns(key) and entry.hospitals in ("all", part.hospitals) and entry.event_for("patient") == event
        for entry in ledger.entries
    )


def _enter(plan: ArmPlan, part: Part, key: ArmKey, ledger: PrivacyLedger) -> int:
    """Enters all that a fit releases, before it does."""
    import dp_accounting

    return ledger.reserve(
        LedgerEntry(
            key.dataset,
            key.arm,
            key.repeat,
            "patient",
            _event(plan),
            "training",
            part.hospitals,
            other_units={"hospital": dp_accounting.NonPrivateDpEvent()},
        )
    )
