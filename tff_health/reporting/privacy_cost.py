"""What a guarantee costs: private arms against their counterparts without one, on the same held-out patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tff_health.reporting.comparison import Difference, paired_difference
from tff_health.reporting.formatting import listing, metric_label, number, signed
from tff_health.reporting.guarantee import epsilon_of, named, private_arms, shared_terms
from tff_health.reporting.membership_findings import membership_sentences
from tff_health.reporting.privacy_curve import counterpart
from tff_health.reporting.record import Run, RunRecord
from tff_health.reporting.results import Arm

MetricName = Literal["accuracy", "auc"]
# Where the worst case allows an adversary's odds to change by e to the power of this, little is promised.
WEAK_EPSILON = 10.0


@dataclass(frozen=True)
class PrivacyCost:
    """A private arm against its counterpart.

    Attributes:
        dataset: name of the dataset.
        title: of the dataset.
        kind: real or simulated patients.
        name: of the private arm.
        arm: the private arm.
        counterpart: the arm without a guarantee.
        differences: private minus counterpart, by metric; None where patients cannot be paired.
    """

    dataset: str
    title: str
    kind: str
    name: str
    arm: Arm
    counterpart: Arm
    differences: dict[MetricName, Difference | None]

    @property
    def outcome(self) -> str:
        """What the paired intervals say of the cost, in brackets; empty without such intervals."""
        found = {difference.outcome for difference in self.differences.values() if difference}
        if not found:
            return ""
        if "worse" in found:
            return " (a clear cost)"
        return " (no cost: it is ahead)" if "better" in found else " (no clear cost)"

    @property
    def words(self) -> str:
        """`accuracy -0.010 (-0.030 to +0.008) and AUC ...`."""
        return listing([self._gap(metric) for metric in ("accuracy", "auc")])

    def _gap(self, metric: MetricName) -> str:
        label, found = metric_label(metric), self.differences[metric]
        if found:
            return f"{label} {signed(found.value)} ({signed(found.low)} to {signed(found.high)})"
        values = [arm.metric(f"test/{metric}").value for arm in (self.arm, self.counterpart)]
        if values[0] is None or values[1] is None:
            return f"{label} not defined"
        return f"{label} {signed(values[0] - values[1])} (no paired interval)"


def best_private_arm(record: RunRecord, unit: str | None = None) -> str | None:
    """The private arm that does best on held-out patients: patients' guarantees come before hospitals'.

    Args:
        record: the dataset's record.
        unit: only arms of this unit; None takes patient-level arms where there are any.
    """
    arms = private_arms(record.dataset)
    units = {arm.privacy.unit for arm in arms.values() if arm.privacy}
    wanted = unit or ("patient" if "patient" in units else None)
    fitting = {name: arm for name, arm in arms.items() if wanted in (None, arm.privacy and arm.privacy.unit)}
    for metric in ("test/auc", "test/accuracy"):
        values = {name: value for name, arm in fitting.items() if (value := arm.metric(metric).value) is not None}
        if values:
            return max(values, key=values.__getitem__)
    return None


def privacy_cost(record: RunRecord, name: str) -> PrivacyCost | None:
    """The cost of one private arm; None where the dataset has no arm to hold it against."""
    other = counterpart(record.dataset, name)
    if other is None:
        return None
    dataset = record.dataset
    metrics: tuple[MetricName, ...] = ("accuracy", "auc")
    differences = {metric: paired_difference(record, name, other, metric) for metric in metrics}
    arms = dataset.arms
    return PrivacyCost(record.dataset_name, dataset.title, dataset.kind, name, arms[name], arms[other], differences)


def costs_by_unit(record: RunRecord) -> list[PrivacyCost]:
    """For every unit the best private arm's cost, and that of the smallest epsilon where it is another arm."""
    arms = private_arms(record.dataset)
    units = dict.fromkeys(arm.privacy.unit for arm in arms.values() if arm.privacy)
    found = []
    for unit in sorted(units, key=lambda one: one != "patient"):
        mine = [name for name, arm in arms.items() if arm.privacy and arm.privacy.unit == unit]
        strictest = min(mine, key=lambda name: epsilon_of(arms[name]))
        for name in dict.fromkeys([best_private_arm(record, unit), strictest]):
            cost = privacy_cost(record, name) if name else None
            if cost:
                found.append(cost)
    return found


def cost_sentence(cost: PrivacyCost) -> str:
    """One sentence without the terms of the epsilon, which must stand near it."""
    return f"{named(cost.arm)}, against {cost.counterpart.title} without a guarantee: {cost.words}{cost.outcome}."


@dataclass(frozen=True)
class PrivacyAnswer:
    """What the top of the report says of privacy.

    Attributes:
        text: what the best private arms cost, and whether attacks see anything.
        terms: what the epsilons in `text` rest on.
    """

    text: str
    terms: str


def privacy_answer(run: Run) -> PrivacyAnswer | None:
    """The answer on privacy, for real patients where there are any; None without private arms."""
    names = [name for name, dataset in run.results.datasets.items() if private_arms(dataset)]
    real = [name for name in names if run.results.datasets[name].kind == "real"]
    records = [run.record(name) for name in real or names]
    if not records:
        return None
    found, alone = [], []
    for record in records:
        best = best_private_arm(record)
        cost = privacy_cost(record, best) if best else None
        if cost:
            found.append(cost)
        else:
            alone.append(record.dataset.title)
    pairs = {f"{named(cost.arm)}, against {cost.counterpart.title}" for cost in found}
    if len(found) > 1 and len(pairs) == 1:  # said once, or five datasets fill a screen
        parts = [f"{cost.words} on {cost.title}{cost.outcome}" for cost in found]
        text = f"What privacy costs, for the private arm that does best everywhere, {pairs.pop()}: {'; '.join(parts)}."
    else:
        parts = [
            f"{cost.words} on {cost.title}, for the private arm that does best there, {named(cost.arm)}, against "
            f"{cost.counterpart.title}{cost.outcome}"
            for cost in found
        ]
        text = f"What privacy costs: {'; '.join(parts)}." if parts else ""
    if alone:
        text += f" {listing(alone)}: no arm without a guarantee to hold the private ones against."
    text += f" {membership_sentences([record.dataset for record in records])}"
    return PrivacyAnswer(text.strip(), shared_terms(cost.arm for cost in found))


def privacy_caveats(run: Run) -> list[str]:
    """What a reader must know of the guarantees before quoting them, the worst first."""
    lines = []
    for dataset in run.results.datasets.values():
        for arm in dataset.shown_arms.values():
            if arm.audit and arm.audit.flagged:
                lines.append(
                    f"{arm.title} on {dataset.title}: the audit REFUTES its guarantee (at least "
                    f"{number(arm.audit.epsilon_lower, 2)} where less was claimed; see Privacy)."
                )
    weak = [
        f"{arm.title} on {dataset.title}"
        for dataset in run.results.datasets.values()
        for arm in private_arms(dataset).values()
        if epsilon_of(arm) > WEAK_EPSILON
    ]
    if weak:
        lines.append(
            f"An epsilon above {WEAK_EPSILON:g} promises little in the worst case: {listing(weak)} "
            "(terms under Privacy)."
        )
    if any(private_arms(dataset) for dataset in run.results.datasets.values()):
        lines.append(
            "No guarantee covers this report itself: its scores, statistics and arms without a guarantee come from "
            "patients' rows without noise."
        )
    return lines
