"""What an experiment on synthesizers says about privacy: each arm's statement from the ledger, and the run's totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tff_health.experiments.privacy_statements import with_fewer_shares
from tff_health.experiments.synthesis.arm_plan import ArmPlan
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.composition import compose
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.privacy.statement import PrivacyStatement, total_sentence
from tff_health.reporting.privacy_document import LedgerTotal, Privacy

_COVERED = "the generator and everything that is sampled from it, as often as wanted"


def arm_privacy(dataset: str, label: str, plan: ArmPlan, rows: Mapping[str, int], ledger: PrivacyLedger) -> Privacy:
    """The guarantee of one generator of the arm: of the split that spent most.

    Args:
        dataset: in the settings.
        label: the arm, or arm/hospital.
        plan: its synthesizer and budget.
        rows: training rows by hospital.
        ledger: of the dataset.
    """
    budget = plan.budget
    assert budget is not None
    keys = {ArmKey(e.dataset, label, e.repeat) for e in ledger.entries if e.arm == label and e.repeat is not None}
    spent = {key: ledger.spent(key, "patient", budget.delta) for key in keys}
    worst = max(spent, key=lambda key: spent[key].epsilon)
    taking_part = [name for name in rows if name in spent[worst].by_hospital] or list(rows)
    synthesizer: Any = plan.synthesizer
    shared = synthesizer.placement == "shared"
    colluding = None
    if shared:
        events = [
            (with_fewer_shares(entry.event, len(taking_part)), entry.count)
            for entry in ledger.entries
            if entry.concerns(worst)
        ]
        colluding = epsilon(compose(events), budget.delta, budget.accountant).epsilon
    words = synthesizer.privacy_words()
    statement = PrivacyStatement(
        unit="patient",
        mechanism=words["mechanism"],
        sampling=words["sampling"],
        epsilon=spent[worst].epsilon,
        delta=budget.delta,
        accountant=spent[worst].accountant,
        trust_model="shared-noise" if shared else "each-hospital",
        secure_aggregation="simulated" if shared else "none",
        noise_multiplier=synthesizer.noise_multiplier,
        hospitals=len(taking_part),
        by_hospital=spent[worst].by_hospital,
        colluding_epsilon=colluding,
        units=sum(rows[name] for name in taking_part),
        covered=_COVERED,
        note=spent[worst].note,
    )
    return Privacy.model_validate({**statement.document(), "target_epsilon": budget.epsilon})


def ledger_totals(settings: SynthesisSettings, name: str, ledger: PrivacyLedger) -> list[LedgerTotal]:
    """Everything the run released about the same patients; empty where no arm protects them."""
    private = {label: arm for label, arm in settings.datasets[name].arms.items() if arm.privacy}
    if not private:
        return []
    delta = max(arm.privacy.delta for arm in private.values() if arm.privacy)
    total = ledger.total(name, "patient", delta)
    models = sum(1 for entry in ledger.entries if entry.arm and entry.arm.split("/")[0] in private)
    text = (
        f"{models:,} generators were fitted with patient-level privacy, in {settings.splits_of(name)} splits of the "
        f"same patients. {total_sentence(total, 'run')}"
    )
    releases = sum(entry.count for entry in ledger.entries)
    return [LedgerTotal(unit="patient", epsilon=total.private_arms, delta=delta, releases=releases, sentence=text)]
