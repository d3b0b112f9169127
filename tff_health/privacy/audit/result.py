"""What an audit found, in numbers and in plain words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.errors import TffHealthError


class AuditError(TffHealthError):
    """An audit that cannot be carried out: says what the audited process gave and what was expected."""


@dataclass(frozen=True)
class AuditResult:
    """An empirical lower bound on epsilon.

    Attributes:
        epsilon_lower: the mechanism is not (epsilon, delta)-DP for any epsilon below this, with `confidence`.
        confidence: probability, over the audit's coins and the mechanism's noise, that the bound is true.
        delta: of the guarantee that is audited.
        canaries: units whose presence was decided by a coin; in repeated runs, which hold one unit each, the runs.
        guesses: canaries that the attacker did not abstain on.
        correct: guesses that were right.
        ceiling: the largest bound that this audit could have shown, had every guess been right.
        method: how the bound was found, with its source.
        unit: whose presence was guessed, "patient" or "hospital".
        repeated: whether the canaries were runs.
        claimed_epsilon: the accountant's upper bound at the same delta; None where nothing was claimed.
    """

    epsilon_lower: float
    confidence: float
    delta: float
    canaries: int
    guesses: int
    correct: int
    ceiling: float
    method: str
    unit: str = "patient"
    repeated: bool = False
    claimed_epsilon: float | None = None

    @property
    def flagged(self) -> bool:
        """Whether the claim is refuted: the lower bound exceeds the claimed upper bound."""
        return self.claimed_epsilon is not None and self.epsilon_lower > self.claimed_epsilon

    @property
    def could_flag(self) -> bool:
        """Whether the audit was able to refute the claim at all; False where the claim exceeds the ceiling."""
        return self.claimed_epsilon is not None and self.ceiling > self.claimed_epsilon

    def with_claim(self, epsilon: float | None) -> AuditResult:
        """A copy held against the accountant's `epsilon`, which must be for the same delta and unit."""
        return replace(self, claimed_epsilon=epsilon)

    def sentence(self) -> str:
        """The finding in plain words."""
        trials = f"runs that may hold one {self.unit}" if self.repeated else f"{self.unit}-level canaries"
        said = (
            f"An audit with {self.canaries} {trials} shows epsilon >= {self.epsilon_lower:.2g} with "
            f"{self.confidence * 100:.9g} % confidence (delta {self.delta:.1g}; {self.correct} of {self.guesses} "
            f"guesses right); it could have shown at most {self.ceiling:.2g}."
        )
        if self.claimed_epsilon is None:
            return said
        said = f"{said[:-1]}; the accountant's upper bound is {self.claimed_epsilon:.2g}."
        if self.flagged:
            return f"{said} FLAGGED: the claimed guarantee does not hold."
        if not self.could_flag:
            return f"{said} The claim lies above what this audit can show, so passing it says little."
        return said
