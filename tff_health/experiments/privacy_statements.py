"""What a run says about privacy: each private arm's statement, from the ledger, and the run's totals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from tff_health.experiments.aggregator_choice import is_secure
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.prepared import PreparedDataset
from tff_health.experiments.privacy_plan import PrivacyPlan
from tff_health.experiments.private_arm import PrivateArm
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.budget import Unit
from tff_health.privacy.colluding import with_fewer_shares
from tff_health.privacy.composition import compose
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.privacy.statement import PrivacyStatement, total_sentence
from tff_health.privacy.trust import TrustModel
from tff_health.reporting.privacy_document import LedgerTotal, Privacy

_HOSPITAL_MECHANISMS = {
    "gaussian": "Gaussian noise on the mean of clipped updates",
    "gaussian-adaptive": "Gaussian noise on the mean of updates, clipped at a noisy quantile",
    "tree": "tree aggregation of clipped updates (DP-FTRL)",
    "discrete-gaussian": "discrete Gaussian noise in shares on rounded, clipped updates",
    "skellam": "Skellam noise in shares on rounded, clipped updates",
}


REPORT_STATISTICS = "the report's statistics"


def reserve_unprotected(ledger: PrivacyLedger, dataset: PreparedDataset, arm: str) -> None:
    """Enters an arm without a guarantee, or `REPORT_STATISTICS`, once: what it used is released without noise."""
    import dp_accounting

    if any(entry.arm == arm for entry in ledger.entries):
        return
    names = tuple(rows.hospital for rows in dataset.train)
    event = dp_accounting.NonPrivateDpEvent()
    entry = LedgerEntry(dataset.name, arm, None, "patient", event, "training", names, other_units={"hospital": event})
    ledger.confirm(ledger.reserve(entry))


def arm_privacy(arm: PrivateArm) -> Privacy:
    """The guarantee of one trained model of the arm: of the repeat that spent most."""
    plan, ledger = arm.plan, arm.ledger
    worst = max(map(arm.key, range(arm.repeats)), key=lambda key: ledger.spent(key).epsilon)
    spent = ledger.spent(worst)
    steps = max(ledger.steps(worst, "training").values(), default=0)
    lacking = int(arm.short_of.max())
    notes = [spent.note] if spent.note else []
    if lacking:
        notes.append(
            f"{lacking} of {arm.rounds} rounds were not started, as the budget did not cover them (a round that an "
            "interruption cut short counts as spent)"
        )
    statement = PrivacyStatement(
        unit=plan.budget.unit,
        mechanism=_mechanism_words(plan),
        sampling=_sampling_words(plan),
        epsilon=spent.epsilon,
        delta=spent.delta,
        accountant=spent.accountant,
        trust_model=_trust_model(plan),
        secure_aggregation=arm.secure_sums,
        noise_multiplier=plan.mechanism.noise_multiplier,
        clip=plan.mechanism.clip,
        steps=arm.rounds - lacking if plan.noise_has_state else steps,
        hospitals=len(plan.rows),
        by_hospital=spent.by_hospital,
        colluding_epsilon=_colluding_epsilon(arm, worst),
        units=sum(plan.rows.values()) if plan.budget.unit == "patient" else len(plan.rows),
        note="; ".join(notes),
    )
    document = statement.document()
    target = plan.candidate.privacy.epsilon if plan.candidate.privacy else None
    return Privacy.model_validate({**document, "target_epsilon": target})


def ledger_totals(arms: Mapping[str, ArmRun]) -> list[LedgerTotal]:
    """Everything the run released about the same patients, per unit that some arm protects."""
    private = [arm for arm in arms.values() if isinstance(arm, PrivateArm)]
    if not private:
        return []
    ledger, dataset, repeats = private[0].ledger, private[0].dataset, private[0].repeats
    plans = [arm.plan for arm in private]
    totals = []
    for unit in _units(plans):
        delta = max(plan.budget.delta for plan in plans if plan.budget.unit == unit)
        total = ledger.total(dataset.name, unit, delta)
        count = sum(1 for plan in plans if plan.budget.unit == unit)
        trained = "was" if count * repeats == 1 else "were"
        text = (
            f"{_counted(count * repeats, 'model')} {trained} trained with {unit}-level privacy "
            f"({_counted(count, 'arm')}, {_counted(repeats, 'repeat')})."
        )
        text += f" {total_sentence(total, 'run')}"
        text += " Models that attacks and audits trained for themselves are not counted: they are not kept."
        totals.append(
            LedgerTotal(
                unit=unit,
                epsilon=total.private_arms,
                delta=delta,
                releases=sum(entry.count for entry in ledger.entries if entry.dataset == dataset.name),
                sentence=text,
            )
        )
    return totals


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _units(plans: Iterable[PrivacyPlan]) -> list[Unit]:
    found: dict[Unit, None] = dict.fromkeys(plan.budget.unit for plan in plans)
    return list(found)


def _mechanism_words(plan: PrivacyPlan) -> str:
    if plan.patient is None:
        assert plan.hospital is not None
        return _HOSPITAL_MECHANISMS[plan.hospital.mechanism]
    clipping = "layer by layer" if plan.patient.clipping == "per-layer" else "as a whole"
    return f"DP-SGD inside every hospital, each patient's gradient clipped {clipping}"


def _sampling_words(plan: PrivacyPlan) -> str:
    if plan.patient is None:
        return "every hospital in every round, no amplification claimed"
    if plan.patient.sampling_rate == 1.0:
        return "every patient in every step, no amplification claimed"
    return f"Poisson, every patient with probability {plan.patient.sampling_rate:g} in every step"


def _trust_model(plan: PrivacyPlan) -> TrustModel:
    if plan.patient is not None:
        return "shared-noise" if plan.patient.noise == "shared" else "each-hospital"
    return "distributed" if is_secure(plan.candidate) else "central"


def _colluding_epsilon(arm: PrivateArm, key: ArmKey) -> float | None:
    """What is left against a hospital that subtracts its own shares of noise; None where there are no shares."""
    plan, count = arm.plan, len(arm.plan.rows)
    if not is_secure(plan.candidate):
        return None
    events = []
    for entry in arm.ledger.entries:
        if not entry.concerns(key):
            continue
        if entry.kind != "training":
            # A release in shares is weaker by the same factor; one in full is charged too much, which is safe.
            events.append((with_fewer_shares(entry.event, count), entry.count))
        elif plan.hospital is not None:
            noise = plan.hospital.distributed_noise().scaled
            events.append((dataclasses.replace(noise, hospitals=count - 1).rdp(), entry.count))
        else:
            events.append((with_fewer_shares(entry.event, count), entry.count))
    return epsilon(compose(events), plan.budget.delta, plan.budget.accountant).epsilon
