"""The privacy statement: the only way in which an epsilon is printed.

An epsilon without its unit, adjacency, delta, sampling and trust model says nothing (Ponomareva et al. 2023, "How to
DP-fy ML", arXiv 2303.00654, section 5.3), so they come in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, Literal

from data.errors import SettingsError
from tff_health.privacy.budget import Unit, check_budget
from tff_health.privacy.trust import TRUST_MODELS, SecureAggregation, TrustModel, aggregation_sentence

if TYPE_CHECKING:
    from tff_health.privacy.spending import Total

ADJACENCY = "zero-out"
COVERED = {
    "patient": "everything that left a hospital in training: updates, the model after every round, and what is made of "
    "them",
    "hospital": "the model after every round, and what is made of it",
    "image": "everything that left a hospital in training, and what is made of it",
}
NEVER_COVERED = (
    "noise is drawn as floating-point numbers, which are not exactly Gaussian",
    "pseudo-random numbers, from a statistical generator and not a cryptographic one",
    "side channels such as timing, memory and message sizes",
    "patients with more than one row, or in more than one hospital",
    "choosing hyperparameters on the same patients",
)
NOT_COVERED = (
    *NEVER_COVERED,
    "scores on held-out patients and this report itself, which are computed without noise",
    "numbers of rows and of hospitals, which are taken as public",
)
_UNIT_TEXT = {
    "patient": "one patient's row in one hospital",
    "hospital": "all patients of one hospital together",
    "image": "one image in one hospital",
}


@dataclass(frozen=True)
class PrivacyStatement:
    """A guarantee with all that is needed to read it.

    Attributes:
        unit: whose data are protected; an image, where nobody knows whether two are of one patient.
        mechanism: what adds the noise, in words, as in "DP-SGD with flat clipping".
        sampling: how units are chosen for a step, in words, as in "Poisson, rate 0.1" or "every patient in every step".
        epsilon: upper bound, the worst hospital's; infinite where there is no guarantee.
        delta: in (0, 1).
        accountant: analytic-gaussian, pld or rdp.
        trust_model: key of `trust.TRUST_MODELS`.
        secure_aggregation: what was in place.
        noise_multiplier: standard deviation of the noise on a released sum over `clip`; None where there is no such
            number.
        clip: L2 bound on one unit's contribution, in the units of the released sum.
        steps: accounted steps, the largest number over hospitals.
        hospitals: how many took part.
        by_hospital: epsilon by hospital.
        colluding_epsilon: epsilon against a hospital that subtracts its own share of the noise; None where the shares
            of others do not matter.
        units: how many units there are, for judging delta.
        covered: what the epsilon covers; a default by unit.
        not_covered: what it does not.
        note: a further sentence, as from `Guarantee.note`.

    Raises:
        SettingsError: no epsilon above 0, or no delta that means anything.
    """

    unit: Unit | Literal["image"]
    mechanism: str
    sampling: str
    epsilon: float
    delta: float
    accountant: str
    trust_model: TrustModel
    secure_aggregation: SecureAggregation = "none"
    noise_multiplier: float | None = None
    clip: float | None = None
    steps: int | None = None
    hospitals: int | None = None
    by_hospital: Mapping[str, float] = field(default_factory=dict)
    colluding_epsilon: float | None = None
    units: int | None = None
    covered: str = ""
    not_covered: tuple[str, ...] = NOT_COVERED
    note: str = ""

    def __post_init__(self) -> None:
        if self.trust_model not in TRUST_MODELS:
            raise SettingsError(
                f"privacy: unknown trust model {self.trust_model!r}; known are {', '.join(TRUST_MODELS)}."
            )
        if not self.epsilon >= 0:
            raise SettingsError(f"privacy: epsilon must be 0 or more, not {self.epsilon:g}.")
        self._warnings()  # refuses a delta that means nothing

    def sentence(self) -> str:
        """The statement in plain English: a paragraph of whole sentences."""
        unit = _UNIT_TEXT[self.unit]
        if math.isinf(self.epsilon):
            parts = [f"There is no differential privacy guarantee for {unit}."]
            parts += [_as_sentence(self.note)] if self.note else []
            return " ".join(parts)
        trust = TRUST_MODELS[self.trust_model]
        parts = [
            f"Differential privacy for {unit}: epsilon {format_epsilon(self.epsilon)} at delta {self.delta:g}.",
            f"Had {unit} been replaced by an empty record, no result of this training would have become more than "
            f"{_factor(self.epsilon)} times more or less likely, apart from a chance of {self.delta:g}.",
            f"Mechanism: {self.mechanism}{self._numbers()}; sampling: {self.sampling}; "
            f"upper bound by the {self.accountant} accountant{self._worst()}.",
            trust.holds_against,
            trust.relies_on,
            aggregation_sentence(self.trust_model, self.secure_aggregation),
        ]
        if self.colluding_epsilon is not None:
            parts.append(
                "Against a hospital that subtracts its own share of the noise, epsilon is "
                f"{format_epsilon(self.colluding_epsilon)}."
            )
        parts.append(f"Covered: {self._covered()}. Not covered: {'; '.join(self.not_covered)}.")
        parts += [_as_sentence(warning) for warning in [*self._warnings(), self.note] if warning]
        return " ".join(part for part in parts if part)

    def short(self) -> str:
        """A few words for a table or a figure; never without unit and delta."""
        if math.isinf(self.epsilon):
            return f"no guarantee per {self.unit}"
        label = " (secure aggregation simulated: NOT SECURE)" if self.secure_aggregation == "simulated" else ""
        return f"epsilon {format_epsilon(self.epsilon)} per {self.unit}, delta {self.delta:g}{label}"

    def document(self) -> dict[str, Any]:
        """The statement as plain values, the form of `Privacy` in results.json; an infinite epsilon is None."""
        return {
            "unit": self.unit,
            "adjacency": f"{ADJACENCY}: {_UNIT_TEXT[self.unit]} replaced by an empty record, all counts unchanged",
            "mechanism": self.mechanism,
            "sampling": self.sampling,
            "epsilon": _finite(self.epsilon),
            "delta": self.delta,
            "accountant": self.accountant,
            "trust_model": TRUST_MODELS[self.trust_model].name,
            "trust_model_key": self.trust_model,
            "secure_aggregation": self.secure_aggregation,
            "noise_multiplier": self.noise_multiplier,
            "clip": self.clip,
            "steps": self.steps,
            "hospitals": self.hospitals,
            "epsilon_by_hospital": {name: _finite(value) for name, value in self.by_hospital.items()},
            "epsilon_against_colluding_hospital": _finite(self.colluding_epsilon),
            "covered": self._covered(),
            "not_covered": list(self.not_covered),
            "label": self.short(),
            "sentence": self.sentence(),
            "warnings": self._warnings(),
        }

    def _covered(self) -> str:
        return self.covered or COVERED[self.unit]

    def _warnings(self) -> list[str]:
        if math.isinf(self.epsilon):
            return []
        # Nothing released is the best of guarantees, while an epsilon of 0 as a target is a mistake.
        # An image is what its patient is in the ledger: nothing tells whose others are.
        unit: Unit = "patient" if self.unit == "image" else self.unit
        return check_budget(self.epsilon or 1.0, self.delta, unit, self.units)

    def _numbers(self) -> str:
        numbers = [
            f"noise multiplier {self.noise_multiplier:.4g}" if self.noise_multiplier is not None else "",
            f"clip {self.clip:g}" if self.clip is not None else "",
            f"{self.steps:,} steps" if self.steps is not None else "",
            f"{self.hospitals} hospitals" if self.hospitals is not None else "",
        ]
        present = ", ".join(number for number in numbers if number)
        return f" ({present})" if present else ""

    def _worst(self) -> str:
        if len(set(self.by_hospital.values())) < 2:
            return ""
        least = min(self.by_hospital, key=lambda name: self.by_hospital[name])
        most = max(self.by_hospital, key=lambda name: self.by_hospital[name])
        return (
            f", the largest over hospitals ({format_epsilon(self.by_hospital[least])} in {least} to "
            f"{format_epsilon(self.by_hospital[most])} in {most})"
        )


def total_sentence(total: Total, whole: str) -> str:
    """What all releases about the same patients come to.

    Args:
        total: of the ledger.
        whole: what was added up, "run" or "study".
    """
    sentences = []
    if math.isfinite(total.private_arms):
        sentences.append(
            f"Whoever sees all of them, and nothing of the others, faces epsilon {format_epsilon(total.private_arms)} "
            f"per {total.unit} at delta {total.delta:g}, not the epsilon of one."
        )
    if total.unprotected_arms:
        sentences.append(
            f"The {whole} as a whole gives no guarantee per {total.unit}: {', '.join(total.unprotected_arms)} used the "
            "same patients without one, for comparison."
        )
    return " ".join(sentences)


def format_epsilon(epsilon: float) -> str:
    """An epsilon with three significant digits, rounded up so that no guarantee is overstated; `infinite` for none."""
    if math.isinf(epsilon):
        return "infinite"
    if epsilon == 0:
        return "0"
    # Twelve digits first: 1.1 is stored a hair above 1.1 and must not become 1.11.
    value = Decimal(f"{epsilon:.12g}")
    rounded = value.quantize(Decimal(1).scaleb(min(value.adjusted() - 2, 0)), ROUND_CEILING)
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _factor(epsilon: float) -> str:
    if epsilon > 700:
        return "infinitely many"
    factor = math.exp(epsilon)
    return f"{factor:.3g}" if factor < 1e4 else f"{factor:.0e}".replace("e+0", "e+")


def _as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".rstrip(".") + "."


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
