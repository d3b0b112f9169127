"""One arm in one split: who trains on what, and the generators that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.federation import Federation
from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.generators.entered_fit import fit_entered
from tff_health.experiments.generators.in_turn import first_in_turn
from tff_health.experiments.synthesis.settings import SynthesisArm
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.runtime.seeds import integer_seed
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress

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
    taken = first_in_turn({name: len(matrix) for name, matrix in matrices.items()}, count)
    return {name: matrix[: taken[name]] for name, matrix in matrices.items() if taken[name]}


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
    """Fits one generator, and enters what it releases before it does: see `fit_entered`.

    Raises:
        TffHealthError: see `Synthesizer.fit`.
    """

    def fit() -> Fitted:
        fitted: Fitted = plan.synthesizer.fit(
            federation.schema,
            part.matrices,
            seed=integer_seed(seed, "synthesis", key.dataset, str(key.arm), part.name, key.repeat),
            progress=progress,
            checkpoints=checkpoints,
            probe=probe,
        )
        return fitted

    return fit_entered(fit, plan, part.hospitals, key, ledger, checkpoints)
