"""What ledger entries cost together: per hospital, in the worst of them, and over a whole run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from tff_health.privacy.accountant import Accountant, epsilon
from tff_health.privacy.budget import UNITS, Unit
from tff_health.privacy.composition import Composition, compose
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry

Scope = tuple[str, str | None, int | None]
"""Dataset, arm or None for all its arms, repeat or None for all repeats."""


@dataclass(frozen=True)
class Spent:
    """What was spent, as an upper bound.

    Attributes:
        epsilon: the maximum over hospitals: a patient is in one hospital, so hospitals compose in parallel.
        delta: as asked for.
        unit: whose data.
        accountant: the one used in the worst hospital.
        by_hospital: epsilon by hospital; empty where entries name no hospitals.
        note: a sentence where nothing is guaranteed, or where another accountant was used than asked for.
    """

    epsilon: float
    delta: float
    unit: Unit
    accountant: str
    by_hospital: dict[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Total(Spent):
    """What a whole run spent on the same patients.

    Attributes:
        private_arms: epsilon of all arms that protect the unit, composed: what would hold if the others had not run.
        unprotected_arms: arms that trained on the same patients without a guarantee for the unit; then `epsilon` is
            infinite.
    """

    private_arms: float = math.inf
    unprotected_arms: tuple[str, ...] = ()


class Tally:
    """Running compositions of ledger entries, by who uses a release, whom it protects and which hospital it reads."""

    def __init__(self) -> None:
        self._compositions: dict[tuple[Scope, Unit], dict[str, Composition]] = {}
        self._unprotecting: dict[tuple[Scope, Unit], set[str]] = {}

    def add(self, entry: LedgerEntry) -> None:
        """Adds one entry."""
        scope = (entry.dataset, entry.arm, entry.repeat)
        for unit in UNITS:
            released = compose([(entry.event_for(unit), entry.count)])
            place = self._compositions.setdefault((scope, unit), {})
            for name in ("all",) if entry.hospitals == "all" else entry.hospitals:
                place[name] = place.get(name, Composition()) + released
            if released.unprotected:
                self._unprotecting.setdefault((scope, unit), set()).add(entry.kind)

    def used_by(self, key: ArmKey) -> list[Scope]:
        """The scopes whose releases an arm uses."""
        dataset, arm, repeat = key
        return [(dataset, arm, repeat), (dataset, None, repeat), (dataset, arm, None), (dataset, None, None)]

    def compositions(self, scopes: Iterable[Scope], unit: Unit) -> dict[str, Composition]:
        """What was released about one unit of each hospital that is named, and under `all` of one that is not."""
        places = [self._compositions.get((scope, unit), {}) for scope in scopes]
        shared = sum((place["all"] for place in places if "all" in place), Composition())
        names = sorted({name for place in places for name in place} - {"all"})
        own = {name: sum((place[name] for place in places if name in place), shared) for name in names}
        return own | {"all": shared}

    def spent(self, scopes: Iterable[Scope], unit: Unit, delta: float, accountant: Accountant) -> Spent:
        """What one unit has spent in some scopes."""
        scopes = list(scopes)
        # Hospitals that took part alike share one calculation: the accountant remembers compositions.
        costs = {
            name: epsilon(released, delta, accountant) for name, released in self.compositions(scopes, unit).items()
        }
        worst = max(costs.values(), key=lambda cost: cost.epsilon)
        note = worst.note
        if math.isinf(worst.epsilon):
            kinds = sorted({kind for scope in scopes for kind in self._unprotecting.get((scope, unit), ())})
            note = f"no guarantee per {unit}: {', '.join(kinds)} released something without noise that hides a {unit}"
        named = {name: cost.epsilon for name, cost in costs.items() if name != "all"}
        return Spent(worst.epsilon, delta, unit, worst.accountant, named, note)

    def total(self, dataset: str, unit: Unit, delta: float, accountant: Accountant) -> Total:
        """What one unit has spent in everything of a dataset, with and without the arms that give no guarantee."""
        scopes = [scope for scope, of in self._compositions if of == unit and scope[0] == dataset]
        unprotected = [scope for scope in scopes if (scope, unit) in self._unprotecting]
        private = self.spent([scope for scope in scopes if scope not in unprotected], unit, delta, accountant)
        everything = self.spent(scopes, unit, delta, accountant) if unprotected else private
        arms = tuple(sorted({arm or "what all arms share" for _, arm, _ in unprotected}))
        note = everything.note
        if arms:
            note = (
                f"no guarantee per {unit} for the run as a whole: {', '.join(arms)} used the same patients without "
                f"one; epsilon {private.epsilon:.4g} of the other arms together holds only for whoever sees nothing of "
                "these"
            )
        return Total(
            everything.epsilon,
            delta,
            unit,
            everything.accountant,
            everything.by_hospital,
            note,
            private_arms=private.epsilon,
            unprotected_arms=arms,
        )
