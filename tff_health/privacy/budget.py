"""What may be spent, and the checks that bad privacy settings meet before anything is trained. Imports are cheap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from data.errors import SettingsError, TffHealthError

Unit = Literal["patient", "hospital"]
UNITS: tuple[Unit, ...] = ("patient", "hospital")


class BudgetExhausted(TffHealthError):  # noqa: N818, reads as what happened
    """A step that the privacy budget cannot cover; it was not started."""


@dataclass(frozen=True)
class Budget:
    """The most that an arm may spend on one unit.

    Attributes:
        epsilon: above 0; infinite where spending is measured but not limited.
        delta: in (0, 1).
        unit: whose data are protected: one patient's row, or all of a hospital.
        accountant: decides what fits.

    Raises:
        SettingsError: a value no guarantee can be made of.
    """

    epsilon: float
    delta: float
    unit: Unit
    accountant: Literal["pld", "rdp"] = "pld"

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        check_delta(self.delta)
        if self.unit not in UNITS:
            raise SettingsError(f"privacy: unit must be patient or hospital, not {self.unit!r}.")
        if self.accountant not in ("pld", "rdp"):
            raise SettingsError(f"privacy: unknown accountant {self.accountant!r}; known are pld, rdp.")


def check_epsilon(epsilon: float) -> None:
    """Refuses an epsilon of 0 or less.

    Raises:
        SettingsError: says what is accepted.
    """
    if not epsilon > 0:  # NaN fails as well
        raise SettingsError(
            f"privacy: epsilon must be above 0, not {epsilon:g}; 1 is strong, 10 is weak, 0 is out of reach."
        )


def check_delta(delta: float) -> None:
    """Refuses a delta outside (0, 1).

    Raises:
        SettingsError: says what is accepted.
    """
    if not 0 < delta < 1:
        raise SettingsError(
            f"privacy: delta must lie in (0, 1), not {delta:g}; it is the chance that the guarantee fails, so "
            "choose it far below 1 / number of patients, for example 1e-5."
        )


def check_noise(noise_multiplier: float, epsilon: float | None) -> None:
    """Refuses a claimed epsilon without noise, and negative noise.

    Args:
        noise_multiplier: standard deviation of the noise over the clip.
        epsilon: the claim, or None where none is made.

    Raises:
        SettingsError: says what to change.
    """
    if not (noise_multiplier >= 0 and math.isfinite(noise_multiplier)):
        raise SettingsError(
            f"privacy: noise_multiplier must be a finite number of 0 or more, not {noise_multiplier:g}."
        )
    if noise_multiplier == 0 and epsilon is not None and math.isfinite(epsilon):
        raise SettingsError(
            f"privacy: noise_multiplier 0 cannot give epsilon {epsilon:g}: without noise there is no guarantee; leave "
            "noise_multiplier out to have it calculated, or claim no epsilon."
        )


def check_clip(clip: float) -> None:
    """Refuses a clip that bounds nothing or everything away.

    Raises:
        SettingsError: says what is accepted.
    """
    if not (clip > 0 and math.isfinite(clip)):
        raise SettingsError(f"privacy: clip must be a finite number above 0, not {clip:g}; it bounds one contribution.")


def check_budget(epsilon: float, delta: float, unit: Unit, units: int | None = None) -> list[str]:
    """Everything that can be said about a budget before training.

    Args:
        epsilon: claimed or targeted.
        delta: claimed.
        unit: whose data are protected.
        units: how many patients (of the smallest hospital that is counted alone, or of all) or hospitals there are;
            None where that is not known yet.

    Returns:
        warnings, each one sentence; empty where all is well.

    Raises:
        SettingsError: epsilon is not above 0, delta is not in (0, 1), or delta >= 1 / units.
    """
    check_epsilon(epsilon)
    check_delta(delta)
    if units is None:
        return []
    if units < 1:
        raise SettingsError(f"privacy: there must be at least one {unit}, not {units}.")
    limit = 1 / units**1.5
    remedy = f"set delta to {_rounded_down(limit):g} or less"
    if units > 1 and delta >= 1 / units:
        raise SettingsError(
            f"privacy: delta {delta:g} is not below 1/n = {1 / units:.3g} for n = {units:,} {unit}s: publishing a "
            f"random {unit}'s data in full would satisfy it; {remedy}."
        )
    if delta > limit:
        return [
            f"delta {delta:g} is above 1/n^1.5 = {limit:.3g} for n = {units:,} {unit}s, more than is good practice; "
            f"{remedy}."
        ]
    return []


def _rounded_down(value: float) -> float:
    """The value with one significant digit, never more than it."""
    exponent = math.floor(math.log10(value))
    digit = math.floor(value / 10.0**exponent)
    return float(f"{digit}e{exponent}")
