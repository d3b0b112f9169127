"""An attack on training patients beside the same attack on strangers, and the risk that remains."""

from __future__ import annotations

from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate, residual_risk, share_estimate, undefined

FEWEST = 10
"""Attacks of each kind that a risk needs."""


def attack_metrics(
    attack: float, attacked: int, control: float, controls: int, *, baseline: float | None = None, level: float = LEVEL
) -> dict[str, Estimate]:
    """What an attack is reported by that was tried once on each patient.

    Args:
        attack: share of training patients on whom it succeeded; ignored without any.
        attacked: training patients.
        control: share of held-out patients on whom it succeeded.
        controls: held-out patients.
        baseline: share of successes of a guess that looks at nothing, where it is known.
        level: coverage of the intervals.

    Returns:
        `risk`, `attack`, `control` and, where given, `baseline`.
    """
    if min(attacked, controls) < FEWEST:
        return undefined_attack(f"It takes {FEWEST} training and {FEWEST} held-out patients to attack.")
    return rates_and_risk(
        share_estimate(attack, attacked, level), share_estimate(control, controls, level), baseline=baseline
    )


def rates_and_risk(attack: Estimate, control: Estimate, *, baseline: float | None = None) -> dict[str, Estimate]:
    """The shares of successes with the risk that follows from them, by name."""
    found = {"risk": residual_risk(attack, control), "attack": attack, "control": control}
    if baseline is not None:
        found["baseline"] = Estimate(baseline)
    return found


def undefined_attack(note: str) -> dict[str, Estimate]:
    """No risk, and why, in a sentence."""
    return {name: undefined(note) for name in ("risk", "attack", "control")}
