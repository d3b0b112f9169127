"""A measured risk with its interval, and the intervals that shares and risks get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, or why there is none.

    Attributes:
        value: None where undefined.
        low: lower end; None where there is no interval.
        high: upper end; likewise.
        note: why there is no value, or what a reader must know; often empty.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, float | str | None]:
        """The JSON form."""
        return {"value": self.value, "low": self.low, "high": self.high, "note": self.note}


def undefined(note: str) -> Estimate:
    """No value, and why, in a sentence."""
    return Estimate(None, note=note)


def wilson_interval(share: float, trials: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a share (JASA 22, 1927).

    Args:
        share: observed, 0 to 1.
        trials: behind it, above 0; need not be whole, as effective numbers are not.
        level: coverage aimed at.
    """
    z = float(norm.ppf((1 + level) / 2))
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * float(np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)))
    return (0.0 if share == 0 else max(0.0, centre - half)), (1.0 if share == 1 else min(1.0, centre + half))


def share_estimate(share: float, trials: float, level: float = LEVEL) -> Estimate:
    """A share of independent trials with Wilson's interval."""
    return Estimate(share, *wilson_interval(share, trials, level))


def residual_risk(attack: Estimate, control: Estimate) -> Estimate:
    """How much better an attack does on training patients than on strangers: (a - c) / (1 - c) where a > c.

    After Giomi et al. 2023 ("A unified framework for quantifying privacy risk in synthetic data", arXiv 2211.10459),
    as in anonymeter, but from the observed shares: anonymeter's rates are centres of Wilson intervals,
    drawn towards one half the more the fewer the trials, so that equal success on 242 patients and on 60 strangers
    would show a risk. Nor is it cut off at 0, which would bias means over splits: where a < c it is the same with the
    roles exchanged, (a - c) / (1 - a). The interval is that of the relative risk of failure, (1 - a) / (1 - c), by
    the method of variance estimates recovery (Donner and Zou, Statistical Methods in Medical Research 21, 2012), which
    shares of 0 and 1 do not upset.

    Args:
        attack: share of successes on training patients, with its interval.
        control: share of successes on strangers, with its interval.

    Returns:
        From -1 to 1; undefined where all attacks of both kinds succeed, or where a share is.
    """
    if attack.value is None or control.value is None:
        return undefined(attack.note or control.note)
    if attack.value >= 1 and control.value >= 1:
        return undefined(
            "Every attack succeeds, on held-out patients too, so there is nothing more to learn of others."
        )
    assert attack.low is not None
    assert attack.high is not None
    assert control.low is not None
    assert control.high is not None
    failed, control_failed = 1 - attack.value, 1 - control.value
    most, least, control_most, control_least = 1 - attack.low, 1 - attack.high, 1 - control.low, 1 - control.high
    product = failed * control_failed
    # The lower end in its rationalised form, which has no pole where control_most is twice control_failed.
    square, control_square = _beyond(failed, least), _beyond(control_failed, control_most)
    lower = square, product + _root(product**2 - square * control_square)
    square, control_square = _beyond(failed, most), _beyond(control_failed, control_least)
    upper = product + _root(product**2 - square * control_square), control_square
    return Estimate(
        _antisymmetric(failed, control_failed, 0.0), _antisymmetric(*upper, -1.0), _antisymmetric(*lower, 1.0)
    )


def _beyond(value: float, end: float) -> float:
    """value^2 less the squared distance to an end of its interval."""
    return end * (2 * value - end)


def _root(value: float) -> float:
    return float(np.sqrt(max(value, 0.0)))


def _antisymmetric(failed: float, control_failed: float, otherwise: float) -> float:
    """1 less their ratio, or minus that with the roles exchanged; falls as the ratio grows. `otherwise` for 0 / 0."""
    larger = max(failed, control_failed)
    return float((control_failed - failed) / larger) if larger > 0 else otherwise
