"""What the arms of all experiments on synthesizers share, as validated settings. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tff_health.experiments.base_settings import Settings, Words

Data = Literal["federation", "pooled", "each-hospital"]
Role = Literal["arm", "ablation", "control"]


class GeneratorPrivacy(Settings):
    """Patient-level differential privacy of everything that a synthesizer releases.

    Attributes:
        epsilon: target; the noise follows from it.
        delta: probability that the epsilon does not hold.
        accountant: `pld` (tightest) or `rdp`.
        placement: `shared`: every hospital adds its share of the noise, under a secure sum, which is simulated here and
            NOT SECURE; `each-hospital`: each adds all of it and trusts nobody.
    """

    epsilon: Annotated[float, Field(gt=0, le=1000)]
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    accountant: Literal["pld", "rdp"] = "pld"
    placement: Literal["shared", "each-hospital"] = "shared"


class GeneratorArm(Settings):
    """One way of making a generator.

    Attributes:
        title: for people.
        method: name of a catalogue of synthesizers, or module:class of a user's own.
        options: fields of the synthesizer.
        data: whether hospitals train together, one holds everything, or each trains for itself.
        role: `ablation` lacks a part on purpose; `control` is meant to be found out by attacks.
        privacy: the guarantee, if any.
    """

    title: Words = ""
    method: str
    options: dict[str, Any] = Field(default_factory=dict)
    data: Data = "federation"
    role: Role = "arm"
    privacy: GeneratorPrivacy | None = None

    @property
    def augments(self) -> bool:
        """Whether it is asked what its output adds to real data; beside these no guarantee would be left."""
        return self.role == "arm" and self.data != "each-hospital" and self.privacy is None

    def build(self) -> Any:
        """The synthesizer with its options.

        Raises:
            UnknownNameError: no such synthesizer or option.
            SettingsError: a value that it does not accept.
        """
        raise NotImplementedError

    @model_validator(mode="after")
    def _private(self) -> GeneratorArm:
        if self.privacy and self.data == "pooled":
            raise ValueError("a pooled arm shows one party everything: leave privacy out, or train as a federation")
        if self.privacy and self.privacy.placement == "shared" and self.data == "each-hospital":
            raise ValueError('a hospital alone has nobody to share noise with; set placement = "each-hospital"')
        return self
