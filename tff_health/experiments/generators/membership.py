"""Attacks on several generators of one arm, brought together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tff_health.evaluation.t_interval import t_interval
from tff_health.experiments.generators.entered import Repeat
from tff_health.reporting.document import Metric
from tff_health.reporting.privacy_document import MembershipAttack

# Each figure's range ends at 1 and begins here; an advantage is a difference of two rates.
_LOWEST = {"auc": 0.0, "auc_pooled": 0.0, "tpr_at_1pct_fpr": 0.0, "advantage": -1.0}


def merged_attacks(documents: Sequence[Mapping[str, Any]], repeat: Repeat = "split") -> dict[str, MembershipAttack]:
    """Each attack over all repeats: means with t intervals; the interval within where there is one.

    Args:
        documents: of each repeat, by attack; empty where none was run.
        repeat: what they are.
    """
    by_repeat = [
        {name: MembershipAttack.model_validate(entry) for name, entry in found.items()} for found in documents if found
    ]
    if not by_repeat:
        return {}
    merged = {}
    for name in by_repeat[0]:
        found = [one[name] for one in by_repeat if name in one]
        first = found[0]
        merged[name] = first.model_copy(
            update={field: _mean([getattr(one, field) for one in found], lowest) for field, lowest in _LOWEST.items()}
            | ({"note": f"Mean of {len(found)} {repeat}s; in the first: {first.note}"} if len(found) > 1 else {})
        )
    return merged


def membership_metrics(attacks: Mapping[str, MembershipAttack], headline: str) -> dict[str, Metric]:
    """The headline attack's figures under their names in results.json; none where it was not run."""
    if headline not in attacks:
        return {}
    found = attacks[headline]
    return {"membership/auc": found.auc, "membership/tpr_at_1pct_fpr": found.tpr_at_1pct_fpr}


def _mean(metrics: Sequence[Metric], lowest: float) -> Metric:
    """The mean with its t interval, which does not know that the values lie between `lowest` and 1."""
    if len(metrics) == 1:
        return metrics[0]
    mean = t_interval(metric.value for metric in metrics)
    low, high = (None if end is None else min(max(end, lowest), 1.0) for end in (mean.low, mean.high))
    return Metric(value=mean.value, low=low, high=high, n=metrics[0].n, seeds=[metric.value for metric in metrics])
