"""An arm's synthesizer with its noise, from what the settings say and what is public about the hospitals."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.errors import SettingsError
from tff_health.experiments.synthesis.settings import SynthesisArm
from tff_health.synthesis.building import build_synthesizer
from tff_health.synthesis.synthesizer import Synthesizer

if TYPE_CHECKING:
    from tff_health.privacy.budget import Budget


@dataclass(frozen=True)
class ArmPlan:
    """What will run.

    Attributes:
        synthesizer: with the noise that reaches the arm's epsilon.
        budget: what one fit is planned to spend; a fit that is repeated spends as much again, and the statement counts
            both. None where no guarantee is claimed.
    """

    synthesizer: Synthesizer
    budget: Budget | None


def plan_arm(arm: SynthesisArm, rows: Mapping[str, int]) -> ArmPlan:
    """Sets an arm's synthesizer up.

    Args:
        arm: validated settings.
        rows: training rows of each hospital that takes part, which count as public.

    Raises:
        SettingsError: options that the synthesizer refuses, a synthesizer that cannot be private, or an epsilon that no
            noise reaches.
    """
    synthesizer = build_synthesizer(arm.method, arm.options)
    if arm.privacy is None:
        if synthesizer.event() is not None:
            raise SettingsError(
                "the options set noise, but the arm claims nothing: give `privacy` with an epsilon in their place."
            )
        return ArmPlan(synthesizer, None)
    if not (hasattr(synthesizer, "noise_multiplier") and hasattr(synthesizer, "placement")):
        raise SettingsError(f"synthesizer {arm.method!r} has no private form; leave `privacy` out.")

    from tff_health.privacy.budget import Budget, check_budget

    check_budget(arm.privacy.epsilon, arm.privacy.delta, "patient", sum(rows.values()))
    noise = _noise(arm.method, json.dumps(arm.options, sort_keys=True, default=str), arm.privacy.model_dump_json())
    private = dataclasses.replace(synthesizer, noise_multiplier=noise, placement=arm.privacy.placement)  # type: ignore[type-var]
    return ArmPlan(private, Budget(arm.privacy.epsilon, arm.privacy.delta, "patient", arm.privacy.accountant))


@functools.lru_cache(maxsize=256)
def _noise(method: str, options: str, privacy: str) -> float:
    """The smallest noise for an epsilon; remembered, as every split asks for the same."""
    from tff_health.experiments.synthesis.settings import SynthesisPrivacy
    from tff_health.privacy.calibration import noise_for_epsilon

    chosen = SynthesisPrivacy.model_validate_json(privacy)
    synthesizer = build_synthesizer(method, json.loads(options))

    def everything(noise: float):  # type: ignore[no-untyped-def]
        return dataclasses.replace(synthesizer, noise_multiplier=noise, placement=chosen.placement).event()  # type: ignore[type-var]

    return noise_for_epsilon(everything, chosen.epsilon, chosen.delta, chosen.accountant)
