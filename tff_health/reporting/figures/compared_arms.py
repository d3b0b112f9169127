"""Which arms share one figure: all of them while they can be told apart, then those that stand for their kind."""

from __future__ import annotations

import math

from tff_health.reporting.formatting import plural
from tff_health.reporting.guarantee import epsilon_of, is_private
from tff_health.reporting.results import Arm, DatasetResult

_MOST = 8  # curves that one figure can carry


def compared_arms(dataset: DatasetResult) -> dict[str, Arm]:
    """The arms that figures with a curve or a matrix for each arm show.

    Everything up to eight arms. Beyond, arms without a guarantee in the order of the file (headline, alone and pooled
    always) and for each unit of privacy the arm whose epsilon is nearest to 1.
    """
    arms = dataset.shown_arms
    if len(arms) <= _MOST:
        return arms
    nearest: dict[str, str] = {}
    for name, arm in arms.items():
        if arm.privacy is None or not is_private(arm):
            continue
        known = nearest.get(arm.privacy.unit)
        if known is None or _distance(arm) < _distance(arms[known]):
            nearest[arm.privacy.unit] = name
    always = [name for name in (dataset.headline_arm, "alone", "pooled") if name in arms]
    plain = [name for name, arm in arms.items() if not is_private(arm) and name not in always]
    chosen = {*always, *nearest.values()}
    chosen.update(plain[: max(0, _MOST - len(chosen))])
    return {name: arm for name, arm in arms.items() if name in chosen}


def left_out(dataset: DatasetResult, shown: int) -> str:
    """A clause on the arms that such a figure leaves to the tables; empty where it shows all."""
    hidden = len(dataset.shown_arms) - shown
    return f"; {plural(hidden, 'more arm')} in the table" if hidden > 0 else ""


def _distance(arm: Arm) -> float:
    return abs(math.log(max(epsilon_of(arm), 1e-12)))
