"""What an arm claims in privacy, and how arms are attacked, as validated settings. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Mechanism = Literal["gaussian", "gaussian-adaptive", "tree", "discrete-gaussian", "skellam"]


class PrivacySettings(BaseModel):
    """The guarantee an arm gives: its unit, and a target epsilon, the noise, or both.

    Attributes:
        level: whom it protects: one patient of a hospital, or all of a hospital's patients at once.
        epsilon: the most that one trained model may cost. Alone, the noise follows from it; with `noise_multiplier`,
            rounds that it does not cover are not started.
        noise_multiplier: standard deviation of the noise over the clip. Alone, epsilon follows from it.
        delta: probability that the epsilon does not hold; below one over the number of units.
        clip: L2 bound on a patient's gradient, or on a hospital's update.
        sampling_rate: patient: probability that a patient is in a step; 1 takes everybody and claims no amplification.
        local_steps: patient: steps a round.
        clipping: patient: the whole gradient at once or layer by layer.
        noise: patient: every hospital adds all the noise, or its share of it under a secure sum.
        mechanism: hospital: which of the catalogue's mechanisms.
        target_quantile: hospital, adaptive clipping: share of updates below the clip.
        clipped_count_stddev: hospital, adaptive clipping: noise on the count of clipped hospitals.
        accountant: `pld` (tightest) or `rdp`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["patient", "hospital"]
    epsilon: float | None = None
    noise_multiplier: float | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    clip: Annotated[float, Field(gt=0, le=1e6)]
    sampling_rate: Annotated[float, Field(ge=1e-4, le=1)] = 1.0
    local_steps: Annotated[int, Field(ge=1, le=100_000)] = 1
    clipping: Literal["flat", "per-layer"] = "flat"
    noise: Literal["each-hospital", "shared"] = "each-hospital"
    mechanism: Mechanism = "gaussian"
    target_quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    clipped_count_stddev: Annotated[float, Field(gt=0)] | None = None
    accountant: Literal["pld", "rdp"] = "pld"

    @field_validator("epsilon")
    @classmethod
    def _possible(cls, value: float | None) -> float | None:
        if value is not None and not 0 < value <= 1000:
            raise ValueError("epsilon must be above 0 and at most 1000: an epsilon of 0 would let nothing be learnt")
        return value

    @field_validator("noise_multiplier")
    @classmethod
    def _noisy(cls, value: float | None) -> float | None:
        if value is not None and not value > 0:
            raise ValueError("noise_multiplier must be above 0: without noise there is no epsilon to claim")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> PrivacySettings:
        if self.epsilon is None and self.noise_multiplier is None:
            raise ValueError("give epsilon (the noise follows), noise_multiplier (epsilon follows), or both")
        patient = {"sampling_rate": 1.0, "local_steps": 1, "clipping": "flat", "noise": "each-hospital"}
        hospital: dict[str, Any] = {"mechanism": "gaussian", "clipped_count_stddev": None, "target_quantile": 0.5}
        foreign = hospital if self.level == "patient" else patient
        for field, default in foreign.items():
            if getattr(self, field) != default:
                raise ValueError(f"{field} does not belong to {self.level}-level privacy")
        if self.noise == "shared" and self.local_steps > 1:
            raise ValueError(
                "shared noise allows local_steps = 1 only: a second step would start from weights that carry a share "
                "of the noise"
            )
        return self


class AttackSettings(BaseModel):
    """Which attacks are run against every arm's first model.

    Attributes:
        membership: whether training patients are told from held-out ones.
        shadows: models the LiRA attacker trains on patients of the same hospitals; 0 leaves LiRA out.
        audit: whether private arms are audited with canaries, and a non-private one for comparison.
        canaries: of an audit.
        audit_confidence: of each audit's lower bound. A run has several, and at 95 % one in twenty would accuse a
            sound mechanism.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    membership: bool = False
    shadows: Annotated[int, Field(ge=0, le=10_000)] = 16
    audit: bool = False
    canaries: Annotated[int, Field(ge=10, le=100_000)] = 200
    audit_confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.99
