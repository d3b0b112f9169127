"""One arm in one split: who trains on what, and the generators that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.federation import Federation
from data.schema import Schema
from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.generators.entered_fit import fit_entered
from tff_health.experiments.generators.in_turn import first_in_turn
from tff_health.experiments.synthesis.settings import SynthesisArm
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.runtime.seeds import integer_seed
from tff_health.synthesis.synthesizer import Fitted, Probe, Progress

if TYPE_CHECKING:
    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import CheckpointStore

Matrices = Mapping[str, "Matrix"]
"""Encoded training rows by hospital, or how each makes them."""


@dataclass(frozen=True)
class Part:
    """Hospitals that train one generator together.

    Attributes:
        name: empty for all of them, or the hospital that trains for itself.
        matrices: what each holds, float64 [rows, columns], or how it makes that.
        hospitals: whose rows these are, one after the other.
        sizes: how many rows of each.
    """

    name: str
    matrices: tuple[Matrix, ...]
    hospitals: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Training rows."""
        return sum(len(matrix) for matrix in self.matrices)

    @property
    def at_hand(self) -> np.ndarray:
        """All rows, float64 [rows, columns], where this process holds them."""
        return np.concatenate(_arrays(self.matrices))


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
        return (Part("", (np.concatenate(_arrays(matrices.values())),), names, sizes),)
    return (Part("", tuple(matrices.values()), names, sizes),)


def _first_patients(matrices: Matrices, count: int) -> dict[str, np.ndarray]:
    """The first `count` patients, one of each hospital in turn."""
    taken = first_in_turn({name: len(matrix) for name, matrix in matrices.items()}, count)
    arrays = dict(zip(matrices, _arrays(matrices.values()), strict=True))
    return {name: matrix[: taken[name]] for name, matrix in arrays.items() if taken[name]}


def _arrays(matrices: Iterable[Matrix]) -> list[np.ndarray]:
    return [matrix for matrix in matrices if isinstance(matrix, np.ndarray)]


def fit_part(
    plan: ArmPlan,
    part: Part,
    schema: Schema,
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
            schema,
            part.matrices,
            seed=integer_seed(seed, "synthesis", key.dataset, str(key.arm), part.name, key.repeat),
            progress=progress,
            checkpoints=checkpoints,
            probe=probe,
        )
        return fitted

    return fit_entered(fit, plan, part.hospitals, key, ledger, checkpoints)
