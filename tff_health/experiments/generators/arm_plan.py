"""An arm's synthesizer with its noise, from what the settings say and what is public about the hospitals."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.errors import SettingsError
from tff_health.experiments.generators.settings import GeneratorArm

if TYPE_CHECKING:
    from tff_health.privacy.budget import Budget


@dataclass(frozen=True)
class ArmPlan:
    """What will run.

    Attributes:
        synthesizer: with the noise that reaches the arm's epsilon; a `Synthesizer` or an `ImageSynthesizer`.
        budget: what one fit is planned to spend; a fit that is repeated spends as much again, and the statement counts
            both. None where no guarantee is claimed.
    """

    synthesizer: Any
    budget: Budget | None


def plan_arm(arm: GeneratorArm, rows: Mapping[str, int]) -> ArmPlan:
    """Sets an arm's synthesizer up.

    Args:
        arm: validated settings.
        rows: training rows, or images, of each hospital that takes part, which count as public.

    Raises:
        SettingsError: options that the synthesizer refuses, a synthesizer that cannot be private, or an epsilon that no
            noise reaches.
    """
    synthesizer = arm.build()
    if getattr(synthesizer, "unit", "patient") != "patient":
        raise SettingsError(
            f"the options of {arm.method!r} ask for a guarantee per {synthesizer.unit}, which experiments cannot "
            "account for; leave it out, or fit from Python."
        )
    if arm.privacy is None:
        if synthesizer.event() is not None:
            raise SettingsError(
                "the options set noise, but the arm claims nothing: give `privacy` with an epsilon in their place."
            )
        return ArmPlan(synthesizer, None)
    if not (hasattr(synthesizer, "noise_multiplier") and hasattr(synthesizer, "placement")):
        raise SettingsError(f"synthesizer {arm.method!r} has no private form; leave `privacy` out.")

    from tff_health.privacy.budget import Budget, check_budget
    from tff_health.privacy.colluding import with_fewer_shares

    check_budget(arm.privacy.epsilon, arm.privacy.delta, "patient", sum(rows.values()))
    noise = _noise(type(arm), arm.model_dump_json(include={"method", "options", "privacy"}))
    private = dataclasses.replace(synthesizer, noise_multiplier=noise, placement=arm.privacy.placement)
    if arm.privacy.placement == "shared":
        with_fewer_shares(private.event(), max(len(rows), 2))  # refuses noise that does not come in shares
    return ArmPlan(private, Budget(arm.privacy.epsilon, arm.privacy.delta, "patient", arm.privacy.accountant))


@functools.lru_cache(maxsize=256)
def _noise(kind: type[GeneratorArm], document: str) -> float:
    """The smallest noise for an epsilon; remembered, as every split or seed asks for the same."""
    from tff_health.privacy.calibration import noise_for_epsilon

    arm = kind.model_validate_json(document)
    assert arm.privacy is not None
    synthesizer, placement = arm.build(), arm.privacy.placement

    def everything(noise: float):  # type: ignore[no-untyped-def]
        return dataclasses.replace(synthesizer, noise_multiplier=noise, placement=placement).event()

    return noise_for_epsilon(everything, arm.privacy.epsilon, arm.privacy.delta, arm.privacy.accountant)
