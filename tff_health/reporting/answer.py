"""Whether joining a federation pays: the sentences at the top of the report, computed from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tff_health.reporting.comparison import Difference, paired_difference
from tff_health.reporting.formatting import interval, listing, number, plural, signed
from tff_health.reporting.guarantee import NOT_SECURE, secure_aggregation
from tff_health.reporting.privacy_cost import privacy_caveats
from tff_health.reporting.record import Run, RunRecord
from tff_health.reporting.results import Arm, DatasetResult, Metric

# Below this many held-out patients an accuracy near one half is uncertain by 6 points and more.
_FEW = 300
# Gains in accuracy below this are called small, however clear.
_SMALL = 0.01

Outcome = Literal["better", "worse", "unclear", "unknown"]


@dataclass(frozen=True)
class Contrast:
    """The headline arm against a yardstick in accuracy.

    Attributes:
        name: the yardstick, `alone`, `alone/NAME` or `pooled`.
        arm: its results.
        difference: headline minus yardstick, with a paired interval; None without suitable predictions.
        outcome: from the paired interval; without one, from whether the two intervals overlap.
    """

    name: str
    arm: Arm
    difference: Difference | None
    outcome: Outcome


@dataclass(frozen=True)
class Verdict:
    """What one dataset says about joining.

    Attributes:
        dataset: its name.
        title: for people.
        kind: real or simulated patients.
        arm: the headline arm's results; None where no arm is federated.
        alone: against training alone, the mean over hospitals, where that arm was run.
        best_alone: against the hospital whose own model does best on held-out patients.
        pooled: against pooling the rows, where that arm was run.
        sentence: all of it in words.
    """

    dataset: str
    title: str
    kind: str
    arm: Arm | None
    alone: Contrast | None
    best_alone: Contrast | None
    pooled: Contrast | None
    sentence: str

    @property
    def outcome(self) -> Outcome:
        """Whether the federation did better than training alone."""
        return self.alone.outcome if self.alone else "unknown"


def verdicts(run: Run) -> list[Verdict]:
    """One verdict for each dataset with arms, real patients first."""
    found = [_verdict(run.record(name)) for name, dataset in run.results.datasets.items() if dataset.arms]
    return sorted(found, key=lambda verdict: verdict.kind != "real")


def summary(found: list[Verdict]) -> str:
    """The answer in up to three sentences: against training alone, the best hospital alone, and pooling."""
    judged = [verdict for verdict in found if verdict.outcome != "unknown"]
    if not judged:
        return "No federated arm stands beside a hospital training alone here: the run does not say whether to join."
    phrases = {
        "better": "is more accurate on",
        "unclear": "makes no clear difference on",
        "worse": "is less accurate on",
    }
    parts = []
    for outcome, phrase in phrases.items():
        titles = [_with_gap(verdict) for verdict in judged if verdict.outcome == outcome]
        if titles:
            parts.append(f"{phrase} {listing(titles)}")
    text = f"Compared with a hospital training alone, the federation {'; it '.join(parts)}."
    for words, contrasts in (
        ("the best single hospital", {verdict.title: verdict.best_alone for verdict in judged}),
        ("pooling all rows in one place", {verdict.title: verdict.pooled for verdict in judged}),
    ):
        standing = _standing(contrasts)
        text += f" Against {words} it is {standing}." if standing else ""
    return text


def _with_gap(verdict: Verdict) -> str:
    gap = verdict.alone.difference if verdict.alone else None
    return f"{verdict.title} ({verdict.kind}{f', {signed(gap.value)}' if gap else ''})"


def _standing(contrasts: dict[str, Contrast | None]) -> str:
    words = {"better": "ahead", "unclear": "level within the intervals", "worse": "behind"}
    parts = []
    for outcome, word in words.items():
        titles = [title for title, contrast in contrasts.items() if contrast and contrast.outcome == outcome]
        if titles:
            every = len(titles) == len(contrasts) > 1
            parts.append(f"{word} on {'all of them' if every else listing(titles)}")
    return "; ".join(parts)


def _verdict(record: RunRecord) -> Verdict:
    dataset, headline = record.dataset, record.dataset.headline_arm
    common = (record.dataset_name, dataset.title, dataset.kind)
    if headline is None:
        return Verdict(*common, None, None, None, None, f"{dataset.title}: no arm is federated.")
    best = _best_alone(dataset)
    alone, best_alone, pooled = (
        _contrast(record, headline, name) if name in dataset.arms else None for name in ("alone", best, "pooled")
    )
    arm = dataset.arms[headline]
    return Verdict(*common, arm, alone, best_alone, pooled, _sentence(arm, alone, best_alone, pooled))


def _best_alone(dataset: DatasetResult) -> str | None:
    """The hospital's own model that does best on held-out patients: the strictest yardstick for joining."""
    values = {
        name: value
        for name, arm in dataset.arms.items()
        if name.startswith("alone/") and (value := arm.metric("test/accuracy").value) is not None
    }
    return max(values, key=values.__getitem__) if values else None


def _contrast(record: RunRecord, headline: str, name: str) -> Contrast:
    difference = paired_difference(record, headline, name, "accuracy")
    arm = record.dataset.arms[name]
    if difference is not None:
        return Contrast(name, arm, difference, difference.outcome)
    ours = record.dataset.arms[headline].metric("test/accuracy")
    return Contrast(name, arm, None, _by_overlap(ours, arm.metric("test/accuracy")))


def _by_overlap(ours: Metric, theirs: Metric) -> Outcome:
    if ours.value is None or theirs.value is None:
        return "unknown"
    if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
        return "unclear"
    return "better" if ours.low > theirs.high else "worse" if ours.high < theirs.low else "unclear"


def _sentence(arm: Arm, alone: Contrast | None, best_alone: Contrast | None, pooled: Contrast | None) -> str:
    accuracy, auc = arm.metric("test/accuracy"), arm.metric("test/auc")
    patients = f" on {plural(accuracy.n, 'held-out patient')}" if accuracy.n else ""
    text = f"{arm.title} reaches accuracy {interval(accuracy)} and AUC {interval(auc)}{patients}"
    beside = []
    if alone:
        beside.append(f"a hospital training alone {interval(alone.arm.metric('test/accuracy'))}")
    if best_alone:
        title = best_alone.arm.title
        beside.append(f"the best of them ({title}) {interval(best_alone.arm.metric('test/accuracy'))}")
    if pooled:
        beside.append(f"pooled training {interval(pooled.arm.metric('test/accuracy'))}")
    if beside:
        text += f"; {listing(beside)} in accuracy"
    text += "."
    if alone is None or alone.outcome == "unknown":
        return text
    words = {
        "better": "so joining pays",
        "unclear": "so joining makes no clear difference",
        "worse": "so a hospital does better alone",
    }[alone.outcome]
    if alone.difference is None:
        overlap = "do not overlap" if alone.outcome != "unclear" else "overlap"
        return f"{text} The intervals of federation and training alone {overlap}, {words}."
    if alone.outcome == "better" and alone.difference.value < _SMALL:
        words = "a clear gain, but of less than one patient in a hundred"
    text += f" Against training alone, patient by patient, that is {_gap(alone.difference)}, {words}"
    if best_alone and best_alone.difference:
        text += f"; against the best hospital alone {_gap(best_alone.difference)}"
    return f"{text}."


def _gap(difference: Difference) -> str:
    return f"{signed(difference.value)} ({signed(difference.low)} to {signed(difference.high)})"


def caveats(run: Run, found: list[Verdict]) -> list[str]:
    """What a reader must know before quoting the answer."""
    datasets = run.results.datasets
    lines = []
    simulated = [dataset.title for dataset in datasets.values() if dataset.kind == "simulated" and not dataset.images]
    if simulated:
        lines.append(f"{listing(simulated)}: simulated rows, which say nothing about patients.")
    counts = {verdict.title: verdict.arm.metric("test/accuracy").n for verdict in found if verdict.arm}
    few = [f"{title} {plural(n, 'patient')}" for title, n in counts.items() if 0 < n < _FEW]
    if few:
        half = max(1.96 * (0.25 / n) ** 0.5 for n in counts.values() if 0 < n < _FEW)
        lines.append(
            f"Few patients are held out: {listing(few)}. An accuracy near one half is then known to plus or "
            "minus "
            f"{number(half, 2)} at worst."
        )
    seeds = {
        len(metric.seeds)
        for dataset in datasets.values()
        for arm in dataset.arms.values()
        for metric in arm.metrics.values()
    }
    if seeds and max(seeds) <= 1:
        lines.append("One seed: the intervals cover the choice of held-out patients, not that of initial weights.")
    unselected = [dataset.title for dataset in datasets.values() if dataset.arms and dataset.selection is None]
    if unselected:
        lines.append(
            f"{listing(unselected)}: no selection was recorded, so the first federated arm speaks for federation."
        )
    arms = [arm for dataset in datasets.values() for arm in dataset.arms.values()]
    if arms and all(arm.privacy is None for arm in arms):
        lines.append("No arm is differentially private: keeping rows at home is not by itself a privacy guarantee.")
    if any(secure_aggregation(arm) == NOT_SECURE for arm in arms):
        lines.append("Secure aggregation is simulated in this run: sums are computed in the clear. NOT SECURE.")
    return lines + privacy_caveats(run)
