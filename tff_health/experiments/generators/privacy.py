"""What experiments on synthesizers say about privacy: each arm's statement from the ledger, and the run's totals."""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.generators.settings import GeneratorArm
from tff_health.privacy.accountant import Accountant, epsilon
from tff_health.privacy.colluding import with_fewer_shares
from tff_health.privacy.composition import Composition, Event, compose
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.privacy.statement import PrivacyStatement, total_sentence
from tff_health.privacy.trust import SecureAggregation
from tff_health.reporting.privacy_document import LedgerTotal, Privacy

_REPEATED = "a fit was interrupted in a release and repeated; both are counted"
# Binary arithmetic puts the accountant's answer for a target a hair to either side of it.
_HAIR = 1e-9


@dataclass(frozen=True)
class Wording:
    """What differs between tables and images in what is said.

    Attributes:
        covered: by a guarantee.
        not_covered: by it.
        repeats: of an arm, as in "splits of the same patients".
        secret: what to do with a generator without a guarantee.
        unit: what a guarantee is about.
    """

    covered: str
    not_covered: tuple[str, ...]
    repeats: str
    secret: str
    unit: Literal["patient", "image"] = "patient"


def arm_privacy(
    dataset: str,
    label: str,
    plan: ArmPlan,
    rows: Mapping[str, int],
    ledger: PrivacyLedger,
    wording: Wording,
    *,
    hiding: SecureAggregation = "simulated",
) -> Privacy:
    """The guarantee of one generator of the arm: of the split or seed that spent most.

    Args:
        dataset: in the settings.
        label: the arm, or arm/hospital.
        plan: its synthesizer and budget.
        rows: training rows, or images, by hospital.
        ledger: of the dataset, with an entry of the arm: see `require_entry`.
        wording: what is said.
        hiding: whether secure sums are simulated, or masked by hospitals that are apart.
    """
    budget = plan.budget
    assert budget is not None
    keys = {ArmKey(e.dataset, label, e.repeat) for e in ledger.entries if e.arm == label and e.repeat is not None}
    spent = {key: ledger.spent(key, "patient", budget.delta, budget.accountant) for key in keys}
    worst = max(spent, key=lambda key: spent[key].epsilon)
    taking_part = [name for name in rows if name in spent[worst].by_hospital] or list(rows)
    events = [(entry.event, entry.count) for entry in ledger.entries if entry.concerns(worst)]
    notes = [spent[worst].note] if spent[worst].note else []
    if spent[worst].epsilon > budget.epsilon * (1 + _HAIR):
        notes.append(_REPEATED)
    statement = _statement(
        plan,
        events,
        taking_part,
        wording,
        hiding,
        epsilon=spent[worst].epsilon,
        accountant=spent[worst].accountant,
        by_hospital=spent[worst].by_hospital,
        units=sum(rows[name] for name in taking_part),
        note="; ".join(notes),
    )
    return Privacy.model_validate({**statement.document(), "target_epsilon": budget.epsilon})


def generator_facts(
    plan: ArmPlan,
    hospitals: Sequence[str],
    rows: int,
    wording: Wording,
    *,
    hiding: SecureAggregation = "simulated",
) -> dict[str, Any]:
    """What a generator's file says of its guarantee: that of the fit it came from, by itself.

    Args:
        plan: what was fitted.
        hospitals: who took part.
        rows: their training rows, or images.
        wording: what is said.
        hiding: as in `arm_privacy`.

    Returns:
        plain values; `epsilon` is None where there is no guarantee.
    """
    event, budget = plan.synthesizer.event(), plan.budget
    if event is None or budget is None:
        sentence = f"No guarantee: the generator was fitted without noise; {wording.secret}."
        return {
            "unit": wording.unit,
            "epsilon": None,
            "label": f"no guarantee per {wording.unit}",
            "sentence": sentence,
        }
    cost = epsilon(event, budget.delta, budget.accountant)
    note = "this is the cost of this generator alone; every other release about the same patients comes on top"
    statement = _statement(
        plan,
        [(event, 1)],
        hospitals,
        wording,
        hiding,
        epsilon=cost.epsilon,
        accountant=cost.accountant,
        units=rows,
        note=f"{note}; {cost.note}" if cost.note else note,
    )
    said = ("unit", "adjacency", "epsilon", "delta", "accountant", "trust_model", "secure_aggregation")
    document = statement.document()
    return {key: document[key] for key in (*said, "label", "sentence")}


def _statement(
    plan: ArmPlan,
    events: Iterable[tuple[Event, int]],
    hospitals: Sequence[str],
    wording: Wording,
    hiding: SecureAggregation,
    **measured: Any,
) -> PrivacyStatement:
    """The statement about these events of the plan's hospitals."""
    budget, synthesizer = plan.budget, plan.synthesizer
    assert budget is not None
    words, colluding = synthesizer.privacy_words(), None
    shared = getattr(synthesizer, "placement", None) == "shared"
    if shared:
        fewer = [(with_fewer_shares(event, len(hospitals)), count) for event, count in events]
        colluding = epsilon(compose(fewer), budget.delta, budget.accountant).epsilon
    return PrivacyStatement(
        unit=wording.unit,
        mechanism=words["mechanism"],  # names each release's noise: no one number is that of all of them
        sampling=words["sampling"],
        delta=budget.delta,
        trust_model="shared-noise" if shared else "each-hospital",
        secure_aggregation=hiding if shared else "none",
        hospitals=len(hospitals),
        colluding_epsilon=colluding,
        covered=wording.covered,
        not_covered=wording.not_covered,
        **measured,
    )


def ledger_totals(
    tasks: Mapping[str, Any], name: str, ledger: PrivacyLedger, repeats: int, wording: Wording
) -> list[LedgerTotal]:
    """Everything the run released about the same patients; empty where no arm protects them.

    Args:
        tasks: the settings' datasets, with arms.
        name: one of them.
        ledger: of it.
        repeats: splits or seeds.
        wording: what is said.
    """
    private = _private_arms(tasks[name])
    if not private:
        return []
    budgets = [arm.privacy for arm in private.values() if arm.privacy]
    delta = max(budget.delta for budget in budgets)
    accountant: Accountant = "rdp" if all(budget.accountant == "rdp" for budget in budgets) else "pld"
    total = ledger.total(name, "patient", delta, accountant)
    total = replace(total, private_arms=epsilon(_of_any_patient(ledger.entries), delta, accountant).epsilon)
    fitted = {(e.arm, e.repeat) for e in ledger.entries if e.arm and e.arm.split("/")[0] in private}
    text = (
        f"{len(fitted):,} generators were fitted with patient-level privacy, in {repeats} "
        f"{wording.repeats}. {total_sentence(total, 'run')}"
    )
    others = [
        other
        for other, task in tasks.items()
        if other != name and (task.source or other) == (tasks[name].source or name) and _private_arms(task)
    ]
    if others:
        text += (
            f" The patients of {' and '.join(others)}, from the same source, may be the same: what was released of "
            "them comes on top."
        )
    releases = sum(entry.count for entry in ledger.entries)
    return [LedgerTotal(unit="patient", epsilon=total.private_arms, delta=delta, releases=releases, sentence=text)]


def _private_arms(task: Any) -> dict[str, GeneratorArm]:
    return {label: arm for label, arm in task.arms.items() if arm.privacy}


def _of_any_patient(entries: Sequence[LedgerEntry]) -> Composition:
    """What all splits of the arms that protect patients released, at most, about one of them.

    A simulated hospital holds other patients in every split: who was in `hospital 1` may be in `hospital 2` of the
    next, so a name's entries do not add up to a patient's. Within a split a patient is in one hospital; there every
    kind of release counts as often as in the hospital that made it most often, and splits add up.
    """
    unprotected = {(entry.arm, entry.repeat) for entry in entries if _released(entry).unprotected}
    of_all: Counter[Event] = Counter()
    by_split: dict[int | None, dict[str, Counter[Event]]] = {}
    for entry in entries:
        if (entry.arm, entry.repeat) in unprotected:
            continue
        released = Counter(dict(_released(entry).parts))
        if entry.hospitals == "all":
            of_all += released
            continue
        hospitals = by_split.setdefault(entry.repeat, {})
        for name in entry.hospitals:
            hospitals[name] = hospitals.get(name, Counter()) + released
    most = [functools.reduce(operator.or_, hospitals.values()) for hospitals in by_split.values()]
    return compose(sum(most, of_all).items())


def _released(entry: LedgerEntry) -> Composition:
    return compose([(entry.event_for("patient"), entry.count)])
