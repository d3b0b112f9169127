"""A dataset's part of the report on privacy: the rows of its tables, its statements and its warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tff_health.reporting.formatting import plural
from tff_health.reporting.guarantee import NOT_SECURE, Statement, is_private, secure_aggregation, statements
from tff_health.reporting.membership_findings import (
    Control,
    attack_label,
    attack_names,
    controls,
    headline_auc,
    warnings,
)
from tff_health.reporting.privacy_cost import cost_sentence, costs_by_unit
from tff_health.reporting.privacy_document import Privacy
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Arm, DatasetResult, Metric

# Keys of a guarantee that its sentence spells out.
_SAID = {"covered", "not_covered", "label", "warnings", "trust_model_key"}


@dataclass(frozen=True)
class ProtectionRow:
    """One arm in the tables on privacy.

    Attributes:
        arm: its results.
        private: whether it claims a finite epsilon.
        membership: AUC of its headline attack.
        secure_aggregation: how the server gets its sums.
    """

    arm: Arm
    private: bool
    membership: Metric
    secure_aggregation: str


@dataclass(frozen=True)
class Protection:
    """What the report says of a dataset's privacy.

    Attributes:
        rows: every shown arm.
        statements: guarantees on the same terms together.
        costs: sentences on what the guarantees cost.
        attacks: names of the attacks that were run, the headline attack first.
        controls: of the attacks.
        warnings: why attacks or audits are not what they seem; printed in bold.
        attack_sizes: how many patients and shadow models an attack had.
        attack_notes: whom a note of an attack concerns, and the note.
        attacked_hospitals: those with a figure of their own under the headline attack.
    """

    rows: list[ProtectionRow]
    statements: list[Statement]
    costs: list[str]
    attacks: list[str]
    controls: list[Control]
    warnings: list[str]
    attack_sizes: list[str]
    attack_notes: list[tuple[str, str]]
    attacked_hospitals: list[str]


def protection(record: RunRecord) -> Protection | None:
    """The dataset's privacy; None where no arm claims a guarantee and none was attacked or audited."""
    dataset = record.dataset
    arms = dataset.shown_arms.values()
    if not any(arm.privacy or arm.membership or arm.audit or secure_aggregation(arm) == NOT_SECURE for arm in arms):
        return None
    rows = [ProtectionRow(arm, is_private(arm), headline_auc(arm), secure_aggregation(arm)) for arm in arms]
    flagged = [
        f"{arm.title}: the audit REFUTES the claimed guarantee. {arm.audit.sentence}"
        for arm in arms
        if arm.audit and arm.audit.flagged
    ]
    attacks = attack_names(dataset)
    lead = attacks[0] if attacks else ""
    present = {hospital for arm in arms if lead in arm.membership for hospital in arm.membership[lead].hospitals}
    ordered = [hospital for hospital in dataset.hospitals if hospital in present]
    return Protection(
        rows=rows,
        statements=statements(dataset),
        costs=[cost_sentence(cost) for cost in costs_by_unit(record)],
        attacks=attacks,
        controls=controls(dataset),
        warnings=[*flagged, *warnings(dataset)],
        attack_sizes=_sizes(dataset),
        attack_notes=_notes(dataset),
        attacked_hospitals=ordered + sorted(present - set(ordered)),
    )


def details(privacy: Privacy) -> dict[str, Any]:
    """A guarantee's mechanism and further keys: what the statement of its terms leaves out."""
    said = _SAID if privacy.sentence else {"warnings"}
    extra = {
        name: value
        for name, value in (privacy.model_extra or {}).items()
        if value not in (None, "", {}, []) and name not in said
    }
    return {"mechanism": privacy.mechanism, **extra}


def guarantee_warnings(statement: Statement) -> list[str]:
    """What the accounting warns of, each warning once with the arms that it concerns."""
    found: dict[str, list[str]] = {}
    for arm in statement.arms.values():
        for warning in (arm.privacy.model_extra or {}).get("warnings") or [] if arm.privacy else []:
            found.setdefault(str(warning), []).append(arm.title)
    return [
        warning if len(titles) == len(statement.arms) else f"{', '.join(titles)}: {warning}"
        for warning, titles in found.items()
    ]


def _sizes(dataset: DatasetResult) -> list[str]:
    """How many were attacked, and with how many shadow models."""
    found: dict[str, list[str]] = {}
    for arm in dataset.shown_arms.values():
        for name, attack in arm.membership.items():
            shadows = f", {plural(attack.shadows, 'shadow model')}" if attack.shadows else ""
            who = f"{plural(attack.members, 'member')} against {plural(attack.non_members, 'non-member')}{shadows}"
            if attack_label(name) not in found.setdefault(who, []):
                found[who].append(attack_label(name))
    return [f"{', '.join(labels)}: {who}" for who, labels in found.items()]


def _notes(dataset: DatasetResult) -> list[tuple[str, str]]:
    """(who, note) of controls and arms, a note of several arms once."""
    found: dict[str, list[str]] = {}
    attacked = [(control.title, control.attack) for control in controls(dataset)]
    attacked += [(arm.title, attack) for arm in dataset.shown_arms.values() for attack in arm.membership.values()]
    for title, attack in attacked:
        if attack.note and title not in found.setdefault(attack.note, []):
            found[attack.note].append(title)
    return [(", ".join(titles), note) for note, titles in found.items()]
