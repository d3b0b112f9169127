"""Patient-level audit of a whole training process, by patients who use input columns of their own.

The caller's process is built for `canaries + silent_columns` more features. They are zero for every real patient;
canary i has one non-zero feature, in column i, and is in its hospital by a fair coin. Its gradient then falls on a
row of the first kernel that nobody else moves ("Dirac canaries", Nasr et al. 2023, arXiv 2302.07956), so that
canaries hardly disturb each other and the audit reaches far. The bound needs none of this: it holds for any
interference (`one_run_bound.py`).

The attacker sees every released model (or every hospital's own update), knows the canaries, the clip and the network,
and asks how much each canary's row has moved along the canary's gradient: a likelihood-ratio test if the noise is
Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from data.errors import SettingsError
from tff_health.privacy.audit.canary_gradients import Weights, dense_canary_gradients
from tff_health.privacy.audit.canary_rows import Canaries, HospitalRows, OutCanary, plant_canaries
from tff_health.privacy.audit.guessing import Curve, audit_scores
from tff_health.privacy.audit.result import AuditError, AuditResult

View = Literal["models", "hospital-updates", "hospital-differences"]
CanaryGradients = Callable[[Weights, int, float, np.ndarray, float | None], np.ndarray]


@dataclass(frozen=True)
class ReleasedModels:
    """What the attacker sees of a training.

    Attributes:
        models: weights before the first and after every round, [rounds + 1] lists of arrays (first kernel first).
        hospital_models: each hospital's weights at the end of its local training, [rounds][hospitals] lists of arrays;
            None where hospitals do not show them (secure aggregation).
    """

    models: Sequence[Weights]
    hospital_models: Sequence[Sequence[Weights]] | None = None


Train = Callable[[list[HospitalRows]], ReleasedModels]


def audit_patient_level(
    train: Train,
    hospitals: Sequence[HospitalRows],
    *,
    canaries: int,
    delta: float,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
    clip: float | None = None,
    canary_value: float | None = None,
    out: OutCanary = "absent",
    view: View = "models",
    claimed_epsilon: float | None = None,
    curve: Curve = "any",
    guess_counts: Sequence[int] | None = None,
    canary_gradients: CanaryGradients = dense_canary_gradients,
) -> AuditResult:
    """Runs the process once with canaries and bounds epsilon from below.

    The bound is about the process that `train` runs. It can be compared with an accountant's epsilon if a canary that
    is out changes nothing but its own contribution: divisors, weights and sampling rates must come from
    `declared_rows`.

    Where every hospital adds the full noise, the mean of H models hides more than was promised. Audit one hospital
    alone, so that the model moves by its own update, or show `hospital_models` and choose another view.

    Args:
        train: trains on widened rows ([n, columns + canaries]) and shows the weights after each round.
        hospitals: real rows.
        canaries: m; 100 to 1,000.
        delta: of the guarantee.
        confidence: of the bound.
        rng: for tests; fresh entropy by default.
        clip: the process' bound on one patient's gradient, None if it does not clip. Knowing it sharpens the attack.
        canary_value: the canary's feature. By default 4 `clip`, whose gradients are clipped at first and whose
            predictions do not saturate, or 4. To see whether clipping works, give 1,000.
        out: "absent": rows that are out are missing; "vacant": they stay as empty records (`present` False).
        view: what the attacker reads: the released models; each hospital's own update; or that update less the mean
            of the other hospitals', which cancels noise they have in common.
        claimed_epsilon: the accountant's upper bound for a patient at this delta.
        curve: as for `audit_scores`.
        guess_counts: the same.
        canary_gradients: the canaries' gradients on their own kernel rows, for networks other than dense ones;
            arguments and result as for `dense_canary_gradients`.

    Returns:
        The audit's result.

    Raises:
        AuditError: the process shows no weights that can be audited, or diverged.
        SettingsError: a setting makes no sense.
    """
    if out not in get_args(OutCanary) or view not in get_args(View):
        raise SettingsError(f"audit: out is {out!r}, one of {get_args(OutCanary)}; view {view!r}, of {get_args(View)}.")
    value = (4.0 if clip is None else 4 * clip) if canary_value is None else canary_value
    planted = plant_canaries(hospitals, canaries, value=value, rng=rng)
    rows = planted.rows(hospitals, out)
    scores = canary_scores(train(rows), planted, rows, clip=clip, view=view, canary_gradients=canary_gradients)
    return audit_scores(
        scores,
        planted.included,
        delta=delta,
        confidence=confidence,
        threshold=0.0,
        curve=curve,
        guess_counts=guess_counts,
        claimed_epsilon=claimed_epsilon,
    )


def canary_scores(
    released: ReleasedModels,
    planted: Canaries,
    rows: Sequence[HospitalRows],
    *,
    clip: float | None = None,
    view: View = "models",
    canary_gradients: CanaryGradients = dense_canary_gradients,
) -> np.ndarray:
    """How much more each canary's kernel row moved against the canary's gradient than it would if the canary were out.

    Args:
        released: what the attacker sees.
        planted: the canaries; their coins are not looked at.
        rows: what the process trained on; only the public row counts are looked at.
        clip: as for `audit_patient_level`.
        view: the same.
        canary_gradients: the same.

    Returns:
        float64 [m], higher meaning "in": log likelihood ratios up to a factor where the noise is Gaussian.

    Raises:
        AuditError: no round, no hospitals' models where the view needs them, or one hospital where it needs two.
    """
    own = slice(planted.first_column, planted.first_column + len(planted.labels))
    kernels = [np.asarray(model[0], np.float64)[own] for model in released.models]
    if len(kernels) < 2:
        raise AuditError("an audit needs the weights before the first round and after each one; got fewer than two.")
    projected, energy = np.zeros(len(planted.labels)), np.zeros(len(planted.labels))
    for number, (model, before) in enumerate(zip(released.models[:-1], kernels[:-1], strict=True)):
        expected = canary_gradients(model, planted.first_column, planted.value, planted.labels, clip)
        if view == "models":
            moved = kernels[number + 1] - before
        else:
            moved = _seen_from_hospitals(released, number, before, planted, rows, own, view)
        projected -= (moved * expected).sum(1)
        energy += (expected**2).sum(1)
    # Half of the canaries are in, so the mean projection tells the step size; out and in part at half of the signal.
    step_size = max(2 * projected.sum() / max(energy.sum(), np.finfo(np.float64).tiny), 0)
    return projected - step_size * energy / 2


def _seen_from_hospitals(
    released: ReleasedModels,
    number: int,
    before: np.ndarray,
    planted: Canaries,
    rows: Sequence[HospitalRows],
    own: slice,
    view: View,
) -> np.ndarray:
    """Each canary's row as its own hospital moved it, scaled to a sum over patients, [m, units]."""
    if released.hospital_models is None or len(released.hospital_models) != len(released.models) - 1:
        raise AuditError(f"view {view!r} needs the hospitals' models of every round; the process does not show them.")
    shown = released.hospital_models[number]
    if len(shown) != len(rows) or (view == "hospital-differences" and len(rows) < 2):
        raise AuditError(f"view {view!r} got {len(shown)} models of {len(rows)} hospitals; differences need two.")
    moved = np.stack(
        [
            (np.asarray(model[0], np.float64)[own] - before) * (row.declared_rows or len(row.features))
            for model, row in zip(shown, rows, strict=True)
        ]
    )
    mine = moved[planted.hospital, np.arange(len(planted.labels))]
    if view == "hospital-updates":
        return mine
    return mine - (moved.sum(0) - mine) / (len(rows) - 1)


def silent_updates(released: ReleasedModels, planted: Canaries) -> np.ndarray:
    """The hospitals' updates on the silent columns, for `audit_noise_streams`.

    Args:
        released: with `hospital_models`.
        planted: with silent columns.

    Returns:
        float64 [rounds, hospitals, silent columns x units].

    Raises:
        AuditError: no silent columns, or hospitals' models not shown.
    """
    if not planted.silent_columns or released.hospital_models is None:
        raise AuditError("noise streams need silent columns and each hospital's own models; the process shows neither.")
    start = planted.first_column + len(planted.labels)
    silent = slice(start, start + planted.silent_columns)
    return np.stack(
        [
            np.stack([(np.asarray(model[0], np.float64) - before[0])[silent].ravel() for model in models])
            for before, models in zip(released.models[:-1], released.hospital_models, strict=True)
        ]
    )
