"""What membership inference found: frozen records that a report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tff_health.privacy.membership.auc import LEVEL


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: observed.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """The JSON form."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class TprAtFpr:
    """The true-positive rate at a limit on the false-positive rate.

    Attributes:
        limit: greatest false-positive rate allowed.
        value: share of members found.
        low: lower end of the bootstrap interval.
        high: upper end; it leans upwards, as resamples often miss the highest non-members.
        chance: what an attack without knowledge gets here on average: above `limit` for few non-members, as one of
            them has to be passed.
        p_value: how often attacks without knowledge do as well (permutations within hospitals), one-sided.
        non_members: on whom the limit rests.
        false_positives: how many of them it allows.
    """

    limit: float
    value: float
    low: float
    high: float
    chance: float
    p_value: float
    non_members: int
    false_positives: int

    @property
    def note(self) -> str:
        """What the rate rests on, in a sentence."""
        allowed = {0: "no false positive", 1: "one false positive"}.get(
            self.false_positives, f"{self.false_positives} false positives"
        )
        return (
            f"A false-positive rate of {self.limit:.0%} over {self.non_members} non-members allows {allowed}; "
            f"chance would give {self.chance:.1%}."
        )

    def to_dict(self) -> dict[str, float | int]:
        """The JSON form."""
        names = ("value", "low", "high", "chance", "p_value", "non_members", "false_positives")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class HospitalAttack:
    """An attack on one hospital's patients.

    Attributes:
        auc: members against non-members of the hospital, with its interval.
        members: patients trained on.
        non_members: patients held out.
    """

    auc: Estimate
    members: int
    non_members: int


@dataclass(frozen=True)
class AttackResult:
    """One attack on one model.

    Attributes:
        name: of the attack.
        title: of the attack, for people.
        auc: area under the ROC curve over pairs of the same hospital.
        low: lower end of its interval.
        high: upper end.
        level: coverage of all intervals here.
        pooled_auc: over all pairs, hospitals ignored.
        tpr_at_1pct_fpr: true-positive rate at 1 % false positives, hospitals matched.
        tpr_at_10pct_fpr: the same at 10 %, for small sets.
        advantage: TPR - FPR at thresholds chosen on other rows, hospitals matched.
        hospitals: by name; None where a hospital has fewer than 5 members or non-members.
    """

    name: str
    title: str
    auc: float
    low: float
    high: float
    pooled_auc: Estimate
    tpr_at_1pct_fpr: TprAtFpr
    tpr_at_10pct_fpr: TprAtFpr
    advantage: Estimate
    hospitals: Mapping[str, HospitalAttack | None]
    level: float = LEVEL

    @property
    def includes_chance(self) -> bool:
        """Whether .5 lies in the interval of the AUC."""
        return self.low <= 0.5 <= self.high

    @property
    def detects_membership(self) -> bool:
        """Whether the AUC's whole interval lies above .5 (an interval below it is no leak: the attack errs)."""
        return self.low > 0.5

    @property
    def statement(self) -> str:
        """The finding in a sentence."""
        figures = f"AUC {self.auc:.2f} within hospitals, {self.level:.0%} interval {self.low:.2f} to {self.high:.2f}"
        if self.detects_membership:
            return f"{self.title} tells members from non-members ({figures}): the interval lies above .5."
        if self.includes_chance:
            return f"{self.title} does not tell members from non-members ({figures}): the interval holds .5."
        return f"{self.title} does worse than guessing ({figures}): no sign of a leak to this attack."

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "title": self.title,
            "auc": {"value": self.auc, "low": self.low, "high": self.high},
            "pooled_auc": self.pooled_auc.to_dict(),
            "tpr_at_1pct_fpr": self.tpr_at_1pct_fpr.to_dict(),
            "tpr_at_10pct_fpr": self.tpr_at_10pct_fpr.to_dict(),
            "advantage": self.advantage.to_dict(),
            "level": self.level,
            "detects_membership": self.detects_membership,
            "hospitals": {
                name: None
                if found is None
                else {**found.auc.to_dict(), "members": found.members, "non_members": found.non_members}
                for name, found in self.hospitals.items()
            },
        }


@dataclass(frozen=True)
class MembershipResult:
    """All attacks on one model.

    Attributes:
        attacks: by name, in the order they were asked for.
        members: rows trained on that were scored.
        non_members: held-out rows that were scored.
        shadows: shadow models that the attacks compared with; 0 without.
        notes: sentences that a reader must know.
    """

    attacks: Mapping[str, AttackResult]
    members: int
    non_members: int
    shadows: int
    notes: tuple[str, ...] = field(default=())

    @property
    def headline(self) -> AttackResult:
        """LiRA where it ran, else the first attack asked for: fixed beforehand, not the one that did best."""
        return self.attacks.get("lira") or next(iter(self.attacks.values()))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "headline": self.headline.name,
            "attacks": {name: attack.to_dict() for name, attack in self.attacks.items()},
            "members": self.members,
            "non_members": self.non_members,
            "shadows": self.shadows,
            "notes": list(self.notes),
        }
