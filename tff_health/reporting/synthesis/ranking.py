"""Which of several arms did best, compared on splits that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tff_health.reporting.formatting import listing, plural
from tff_health.reporting.results import Arm, Metric
from tff_health.reporting.synthesis.splits import defined_splits


@dataclass(frozen=True)
class Ranking:
    """What a comparison of arms found.

    Attributes:
        best: name of the arm with the highest mean over the shared splits.
        compared: names of the arms that were compared, in the order of the file.
        shared: how many splits they share; 0 where the file names no splits.
        left_out: name -> splits of each arm that was scored in too few to be compared.
    """

    best: str
    compared: tuple[str, ...]
    shared: int
    left_out: dict[str, int]


def rank(arms: Mapping[str, Arm], by: Sequence[str]) -> Ranking | None:
    """Ranks arms by the first metric that any of them has; None where none has one.

    Arms with fewer than half as many splits as the fullest are left out: splits differ more than arms do, and a
    comparison on the one split that all share would tell little of those that were scored in many.

    Args:
        arms: by name.
        by: names of metrics, higher is better.
    """
    for metric in by:
        known = {name: found for name, arm in arms.items() if (found := arm.metric(metric)).value is not None}
        if known:
            return _rank(known)
    return None


def left_out_sentence(splits: Mapping[str, int], scored_in: str = "split") -> str:
    """`A and B were scored in 1 split and are not compared.`; empty where nobody was left out.

    Args:
        splits: title -> how many.
        scored_in: what is counted: splits, or seeds.
    """
    by_count: dict[int, list[str]] = {}
    for title, count in splits.items():
        by_count.setdefault(count, []).append(title)
    parts = []
    for count, titles in by_count.items():
        was, are = ("was", "is") if len(titles) == 1 else ("were", "are")
        where = f"scored in {plural(count, scored_in)}" if count else f"recorded without {scored_in}s"
        parts.append(f"{listing(titles)} {was} {where} and {are} not compared")
    return f"{'; '.join(parts)}." if parts else ""


def _rank(known: dict[str, Metric]) -> Ranking:
    splits = {name: defined_splits(metric) for name, metric in known.items()}
    fullest = max(map(len, splits.values()))
    if fullest == 0:
        values = {name: metric.value for name, metric in known.items() if metric.value is not None}
        return Ranking(max(values, key=values.__getitem__), tuple(known), 0, {})
    kept = {name: found for name, found in splits.items() if 2 * len(found) >= fullest}
    while not (shared := frozenset.intersection(*kept.values())):
        del kept[min(reversed(kept), key=lambda name: len(kept[name]))]
    means = {name: fmean(known[name].seeds[split] or 0.0 for split in shared) for name in kept}
    left_out = {name: len(found) for name, found in splits.items() if name not in kept}
    return Ranking(max(means, key=means.__getitem__), tuple(kept), len(shared), left_out)
