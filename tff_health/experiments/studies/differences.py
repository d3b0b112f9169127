"""Arms of a study against each other, pair by pair over its cells."""

from __future__ import annotations

from tff_health.evaluation.paired_comparison import PairedComparison, compare_pairs, compare_with
from tff_health.reporting.comparison import split_overlap
from tff_health.reporting.formatting import listing, metric_label, number, signed
from tff_health.reporting.guarantee import private_arms
from tff_health.reporting.privacy_curve import counterpart
from tff_health.reporting.results import ArmComparison, DatasetResult, Metric

_METRICS = ("auc", "accuracy")


def arm_comparisons(dataset: DatasetResult, against: str | None = None) -> list[ArmComparison]:
    """Every other arm against one, in AUC and accuracy.

    Args:
        dataset: merged over cells; each metric's `seeds` are the cells' values.
        against: the arm that others are held against; None for the one that speaks for federation.
    """
    against = against or dataset.headline_arm
    if against not in dataset.shown_arms:
        return []
    assert against is not None
    found = []
    share = split_overlap(dataset)
    for metric in _METRICS:
        name = f"test/{metric}"
        reference = dataset.arms[against].metric(name).seeds
        others = {
            label: arm.metric(name).seeds
            for label, arm in dataset.shown_arms.items()
            if label != against and len(arm.metric(name).seeds) == len(reference)
        }
        compared = compare_with(reference, others, overlap=share)
        for label, one in compared.items():
            titles = (dataset.arms[label].title, dataset.arms[against].title)
            found.append(
                ArmComparison(
                    arm=label,
                    against=against,
                    metric=metric,
                    difference=Metric(value=one.value, low=one.low, high=one.high, n=one.pairs),
                    effect=one.effect,
                    p_value=one.p_value,
                    p_corrected=one.p_corrected,
                    comparisons=len(compared),
                    overlap=share,
                    sentence=_sentence(titles, metric_label(metric), one, len(compared)),
                )
            )
    return found


def difference_sentences(dataset: DatasetResult) -> list[str]:
    """One sentence for each private arm that has a counterpart without a guarantee, cells paired by seed."""
    found = []
    for name, arm in private_arms(dataset).items():
        other = counterpart(dataset, name)
        if other is None:
            continue
        plain = dataset.arms[other]
        parts = []
        for metric in _METRICS:
            ours, theirs = arm.metric(f"test/{metric}").seeds, plain.metric(f"test/{metric}").seeds
            if len(ours) == len(theirs):
                one = compare_pairs(ours, theirs, overlap=split_overlap(dataset))
                parts.append(_words(metric_label(metric), one) if one else "")
        if any(parts):
            found.append(f"{arm.title} minus {plain.title}: {listing([part for part in parts if part])}.")
    return found


def _sentence(titles: tuple[str, str], label: str, one: PairedComparison, comparisons: int) -> str:
    first, second = titles
    if one.low is None or one.high is None:
        return f"{first} minus {second}: {label} {signed(one.value)} ({_without_interval(one)})."
    ends = sorted((abs(one.low), abs(one.high)))
    of = f" corrected for {comparisons} comparisons" if comparisons > 1 else ""
    assert one.p_corrected is not None
    tested = f"{one.pairs} pairs, p {_p(one.p_corrected)}{of}"
    if not one.shown:
        return (
            f"No difference between {first} and {second} is shown in {label} ({signed(one.value)}, 95 % interval "
            f"{signed(one.low)} to {signed(one.high)}, {tested})."
        )
    verb = "beats" if one.value > 0 else "falls short of"
    return (
        f"{first} {verb} {second} by {number(abs(one.value))} in {label} (95 % interval {number(ends[0])} to "
        f"{number(ends[1])}, {tested})."
    )


def _without_interval(one: PairedComparison) -> str:
    return "one pair, no interval" if one.pairs == 1 else f"alike in all {one.pairs} pairs, which gives no interval"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}"


def _words(label: str, difference: PairedComparison) -> str:
    if difference.low is None or difference.high is None:
        return f"{label} {signed(difference.value)} ({_without_interval(difference)})"
    verdict = "" if difference.low > 0 or difference.high < 0 else ", no difference shown"
    return (
        f"{label} {signed(difference.value)} (95 % interval {signed(difference.low)} to {signed(difference.high)}, "
        f"{difference.pairs} pairs{verdict})"
    )
