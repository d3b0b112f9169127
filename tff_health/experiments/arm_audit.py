"""Canary audits of the arms: the very mechanism that an arm ran, run once more with canaries among the patients."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.errors import SettingsError
from tff_health.experiments.aggregator_choice import build as build_aggregator
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.privacy_plan import PrivacyPlan
from tff_health.experiments.privacy_settings import AttackSettings
from tff_health.experiments.private_arm import PrivateArm
from tff_health.experiments.processes import server_optimizer
from tff_health.learning.averaging import with_model_weights
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.keras_model import initial_weights
from tff_health.learning.optimizers import build_optimizer
from tff_health.privacy.audit.canary_rows import HospitalRows
from tff_health.privacy.audit.hospital_canaries import audit_aggregator
from tff_health.privacy.audit.patient_canaries import ReleasedModels, audit_patient_level
from tff_health.privacy.audit.result import AuditError, AuditResult
from tff_health.reporting.privacy_document import Audit
from tff_health.runtime.client_batches import client_dataset
from tff_health.runtime.seeds import integer_seed

_FEW_CANARIES = 50  # for mechanisms whose modulus has no room for more hospitals


def audit_arm(arm: ArmRun, settings: AttackSettings, claimed: float | None, seed: int) -> Audit | None:
    """Audits an arm's mechanism.

    Patient-level noise that each hospital adds in full is audited on one hospital alone, whose update is promised to be
    private by itself; the mean over hospitals would hide more than is claimed.

    Args:
        arm: federated.
        settings: how many canaries.
        claimed: the accountant's epsilon; None for an arm that claims none.
        seed: the experiment's seed, for initial weights only: coins and noise are fresh.

    Returns:
        The finding, or None where the network shows no canaries (its first layer is not dense).
    """
    try:
        if isinstance(arm, PrivateArm) and arm.plan.hospital is not None:
            result = _audit_hospital_level(arm.plan, settings, claimed)
        else:
            result = _audit_patient_level(arm, settings, claimed, seed)
    except AuditError:
        return None
    return Audit(
        unit=result.unit,
        method=result.method,
        epsilon_lower=result.epsilon_lower,
        epsilon_claimed=result.claimed_epsilon,
        delta=result.delta,
        confidence=result.confidence,
        ceiling=result.ceiling,
        canaries=result.canaries,
        guesses=result.guesses,
        correct=result.correct,
        flagged=result.flagged,
        sentence=result.sentence(),
    )


def _audit_hospital_level(plan: PrivacyPlan, settings: AttackSettings, claimed: float | None) -> AuditResult:
    assert plan.hospital is not None
    mechanism = plan.hospital

    def factory_for(hospitals: int) -> Any:
        return dataclasses.replace(mechanism, hospitals=hospitals, dimension=hospitals).build_factory()

    for count in (settings.canaries, _FEW_CANARIES):
        try:
            return audit_aggregator(
                factory_for,
                clip=mechanism.clip,
                canaries=count,
                rounds=plan.candidate.rounds,
                delta=plan.budget.delta,
                confidence=settings.audit_confidence,
                claimed_epsilon=claimed,
                curve="gaussian" if mechanism.mechanism in ("gaussian", "gaussian-adaptive") else "any",
            )
        except SettingsError:
            continue
    raise AuditError(f"the {mechanism.mechanism} mechanism cannot be built for {_FEW_CANARIES} hospitals.")


def _audit_patient_level(arm: ArmRun, settings: AttackSettings, claimed: float | None, seed: int) -> AuditResult:
    plan = arm.plan if isinstance(arm, PrivateArm) else None
    rows = list(arm.dataset.train)
    if plan is not None and plan.patient is not None and plan.patient.noise == "each-hospital":
        rows = [max(rows, key=len)]
    real = [HospitalRows(part.features, part.labels) for part in rows]
    private = plan.patient if plan is not None else None
    unsampled = private is not None and private.sampling_rate == 1.0

    def train(widened: list[HospitalRows]) -> ReleasedModels:
        return _train(arm, plan, widened, seed)

    return audit_patient_level(
        train,
        real,
        canaries=settings.canaries,
        delta=plan.budget.delta if plan is not None else 1e-5,
        confidence=settings.audit_confidence,
        clip=private.clip if private is not None else None,
        # An empty record counts in the divisors and weighs nothing; training without privacy knows no such thing.
        out="absent" if private is None else "vacant",
        claimed_epsilon=claimed,
        curve="gaussian" if unsampled else "any",
    )


def _train(arm: ArmRun, plan: PrivacyPlan | None, widened: Sequence[HospitalRows], seed: int) -> ReleasedModels:
    candidate = arm.candidate
    shape = (widened[0].features.shape[1],)
    function = arm.cache.model_function(candidate)
    privacy = plan.patient if plan is not None else None
    if privacy is not None:
        privacy = dataclasses.replace(privacy, hospitals=len(widened))
    aggregator: Any = build_aggregator(candidate, len(widened)) if plan is None else "uniform-mean"
    if plan is not None and privacy is not None and privacy.noise == "shared":
        aggregator = dataclasses.replace(plan, rows=_sizes(widened), patient=privacy).aggregator()
    process = build_classifier_process(
        function,
        shape,
        client_optimizer=build_optimizer(candidate.client_optimizer, candidate.client_learning_rate),
        server_optimizer=server_optimizer(candidate),
        aggregator=aggregator,
        weighting=candidate.weighting,
        privacy=privacy,
    )
    start = initial_weights(function, shape, integer_seed(seed, "audit"))
    state = with_model_weights(process.initialize(), start)
    models = [list(start.trainable)]
    for _ in range(candidate.rounds):
        data = [_dataset(part, candidate.batch_size, candidate.local_epochs, privacy is not None) for part in widened]
        state = process.next(state, data).state
        models.append([np.asarray(value) for value in state.global_model_weights.trainable])
    return ReleasedModels(models)


def _sizes(widened: Sequence[HospitalRows]) -> dict[str, int]:
    return {str(number): len(part.features) for number, part in enumerate(widened)}


def _dataset(part: HospitalRows, batch_size: int, epochs: int, private: bool) -> Any:
    features = np.asarray(part.features, np.float32)
    if part.present is not None and not part.present.all():
        # DP-SGD counts a record without numbers as a patient whose gradient is zero: an empty record.
        features = features.copy()
        features[~part.present] = np.nan
    labels = np.asarray(part.labels, np.float32)
    if private:
        return client_dataset(features, labels, batch_size=len(features), order=None)
    order = np.random.SeedSequence()
    return client_dataset(features, labels, batch_size=batch_size, epochs=epochs, order=order)
