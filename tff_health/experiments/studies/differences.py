"""What a guarantee costs, pair by pair: private arms minus their counterparts on the same splits."""

from __future__ import annotations

from tff_health.evaluation.t_interval import Mean, paired
from tff_health.reporting.formatting import listing, metric_label, signed
from tff_health.reporting.guarantee import private_arms
from tff_health.reporting.privacy_curve import counterpart
from tff_health.reporting.results import DatasetResult

_METRICS = ("auc", "accuracy")


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
                parts.append(_words(metric_label(metric), paired(ours, theirs)))
        if any(parts):
            found.append(f"{arm.title} minus {plain.title}: {listing([part for part in parts if part])}.")
    return found


def _words(label: str, difference: Mean) -> str:
    if difference.value is None:
        return ""
    if difference.low is None or difference.high is None:
        return f"{label} {signed(difference.value)} (one pair, no interval)"
    verdict = "" if difference.excludes_zero else ", no difference shown"
    return (
        f"{label} {signed(difference.value)} (95 % interval {signed(difference.low)} to {signed(difference.high)}, "
        f"{difference.count} pairs{verdict})"
    )
