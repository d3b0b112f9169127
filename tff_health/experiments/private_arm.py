"""A private arm: every round is entered in the ledger before it runs, and held against what ran after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from dp_accounting import NoOpDpEvent

from tff_health.aggregators.executed import check_executed as check_aggregator
from tff_health.experiments.arms import FederatedArm
from tff_health.experiments.privacy_plan import PrivacyPlan
from tff_health.learning.dp_sgd import check_executed as check_client_work
from tff_health.privacy.composition import Event
from tff_health.privacy.ledger import AccountingError, PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.runtime.attempts import single_attempt

_BEGUN = "begun"  # ledger entries of rounds whose noise an earlier entry has paid for


class PrivateArm(FederatedArm):
    """Federated training under a guarantee.

    A round that the budget cannot cover is not started: the repeat keeps its last model, and `short_of` says how many
    rounds it lacks. That happens where settings give noise and epsilon both, and after an interruption, as a round that
    was begun counts as spent. Where a round's noise follows from the state before it (tree aggregation), a round that
    was begun is never repeated: the same noise on other updates would be no noise at all.

    Args:
        name: the arm's name in the settings.
        plan: mechanism and budget.
        ledger: of the dataset.

    Attributes:
        short_of: int64 [repeats], rounds that were not started.
        epsilons: float64 [repeats, rounds + 1], what a repeat had spent after each round; NaN where not reached.
    """

    def __init__(self, name: str, plan: PrivacyPlan, ledger: PrivacyLedger, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.name, self.plan, self.ledger = name, plan, ledger
        self.short_of = np.zeros(self.repeats, np.int64)
        self.epsilons = np.full((self.repeats, self.rounds + 1), np.nan)
        self._executed: dict[int, int] = {}
        for repeat in range(self.repeats):
            ledger.set_budget(self.key(repeat), plan.budget)

    def key(self, repeat: int) -> ArmKey:
        """The repeat in the ledger."""
        return ArmKey(self.dataset.name, self.name, repeat + 1)

    def payload(self) -> dict[str, Any]:  # noqa: D102
        payload = {**super().payload(), "short_of": self.short_of, "epsilons": self.epsilons}
        # The state may hold the start of a noise stream: whoever finds it could subtract the noise.
        return payload | ({"state": None} if self.finished else {})

    def restore(self, payload: dict[str, Any]) -> None:  # noqa: D102
        super().restore(payload)
        self.short_of, self.epsilons = payload["short_of"], payload["epsilons"]
        self._require_ledger()

    def advance(self) -> None:  # noqa: D102
        repeat, done = divmod(self.step, self.rounds)
        if done == 0:  # what preprocessing has released
            self.epsilons[repeat, 0] = self.ledger.spent(self.key(repeat)).epsilon
        super().advance()
        self.epsilons[repeat, done + 1] = self.ledger.spent(self.key(repeat)).epsilon

    def _require_ledger(self) -> None:
        """Refuses a ledger that knows less than the checkpoint: its epsilon would be too small."""
        for repeat in range(self.repeats):
            done = min(max(self.step - repeat * self.rounds, 0), self.rounds) - int(self.short_of[repeat])
            releases = [self.plan.round_release(number + 1) for number in range(done)]
            needed = sum(release[1] for release in releases if release is not None)
            steps = self.ledger.steps(self.key(repeat), "training", hospitals=self.plan.rows)
            if min(steps.values(), default=0) < needed:
                raise AccountingError(
                    f"privacy: arm {self.name} of {self.dataset.name} has done more than its ledger holds "
                    f"({needed} steps against {min(steps.values(), default=0)}): bring the run folder's ledger/ back, "
                    "or begin a new run."
                )

    def _train_loss(self, part: int, weights: Any) -> float:
        return float("nan")  # a loss on training patients would be a release of its own, which nothing accounts for

    def epsilon_after(self, repeat: int, round_number: int) -> float | None:  # noqa: D102
        value = float(self.epsilons[repeat, round_number])
        return value if np.isfinite(value) else None

    def _round(self, process: Any, data: list[Any]) -> Any:
        repeat, done = divmod(self.step, self.rounds)
        key, hospitals = self.key(repeat), tuple(self.plan.rows)
        release = self.plan.round_release(done + 1)
        number = None
        begun_before = self.plan.noise_has_state and self._rounds_begun(key) > done
        affordable = release is None or self.ledger.fits(key, release[0], hospitals, release[1])
        if self.short_of[repeat] or begun_before or not affordable:
            self.short_of[repeat] += 1
            return self._state
        if self.plan.noise_has_state:
            self.ledger.confirm(self._enter(key, NoOpDpEvent(), 1, _BEGUN))
        if release is not None:
            number = self._enter(key, *release, "training")
        with single_attempt():  # a second attempt at the round would be a second release
            output = process.next(self._state, data)
        self._check(output, done + 1)
        if number is not None:
            self.ledger.confirm(number)
            if self.plan.patient is not None:
                self._executed[repeat] = self._executed.get(repeat, 0) + int(
                    output.metrics["client_work"]["largest"]["steps"]
                )
                self.ledger.assert_executed(key, dict.fromkeys(hospitals, self._executed[repeat]))
        return output.state

    def _enter(self, key: ArmKey, event: Event, steps: int, kind: str) -> int:
        hospitals, unit = tuple(self.plan.rows), self.plan.budget.unit
        return self.ledger.reserve(LedgerEntry(key.dataset, key.arm, key.repeat, unit, event, kind, hospitals, steps))

    def _rounds_begun(self, key: ArmKey) -> int:
        return max(self.ledger.steps(key, _BEGUN).values(), default=0)

    def _check(self, output: Any, rounds: int) -> None:
        """Holds what ran in a round against what is accounted."""
        if self.plan.patient is not None:
            check_client_work(self.plan.patient, output.metrics["client_work"])
        else:
            assert self.plan.hospital is not None
            state = getattr(output.state, "process", output.state)
            check_aggregator(self.plan.hospital, state.aggregator, rounds)
