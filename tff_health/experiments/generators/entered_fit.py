"""A fit and its entry in the ledger: what it releases stands there before it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.privacy.composition import Event
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.synthesis.synthesizer import ReleaseLostError

if TYPE_CHECKING:
    from tff_health.runtime.checkpoints import CheckpointStore

Result = TypeVar("Result")


class Ledger(Protocol):
    """What a fit asks of a ledger: `PrivacyLedger`, or `LedgerTurns` where processes share one."""

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Everything reserved, in order."""

    def reserve(self, entry: LedgerEntry) -> int:
        """Enters steps before they run."""

    def confirm(self, number: int) -> None:
        """Notes that they have run."""


def fit_entered(
    fit: Callable[[], Result],
    plan: ArmPlan,
    hospitals: tuple[str, ...],
    key: ArmKey,
    ledger: Ledger,
    checkpoints: CheckpointStore,
) -> Result:
    """Fits one generator, and enters what it releases before it does.

    A fit that goes on from a checkpoint repeats no release, so that it is entered once. One that was interrupted before
    its first checkpoint, or during a release that it cannot do without, may have released something already: it is
    entered, and counted, again. So is one whose checkpoint no entry of the same event stands behind (another version of
    the project may have planned other noise), and neither goes on from what it had.

    Args:
        fit: the plan's synthesizer on these hospitals, with these checkpoints.
        plan: what it releases.
        hospitals: whose data it reads.
        key: the arm and its repeat.
        ledger: of the dataset.
        checkpoints: of this fit alone.

    Raises:
        TffHealthError: see `Synthesizer.fit`.
    """

    def enter_anew() -> int:
        checkpoints.clear()  # first: an old checkpoint beside the new entry would pass for what that entry covers
        return enter(plan, hospitals, key, ledger)

    covered = is_entered(plan, hospitals, key, ledger)
    number = None if covered and checkpoints.latest() is not None else enter_anew()
    try:
        fitted = fit()
    except ReleaseLostError:
        # What was lost stays in the ledger; the new fit is entered beside it.
        number = enter_anew()
        fitted = fit()
    if number is not None:
        ledger.confirm(number)
    return fitted


def _event(plan: ArmPlan) -> Event:
    """All that a fit releases."""
    import dp_accounting

    return plan.synthesizer.event() or dp_accounting.NonPrivateDpEvent()


def is_entered(plan: ArmPlan, hospitals: tuple[str, ...], key: ArmKey, ledger: Ledger) -> bool:
    """Whether some entry covers such a fit of these hospitals."""
    event = _event(plan)
    return any(
        entry.concerns(key) and entry.hospitals in ("all", hospitals) and entry.event_for("patient") == event
        for entry in ledger.entries
    )


def enter(plan: ArmPlan, hospitals: tuple[str, ...], key: ArmKey, ledger: Ledger) -> int:
    """Enters all that a fit releases, before it does."""
    import dp_accounting

    return ledger.reserve(
        LedgerEntry(
            key.dataset,
            key.arm,
            key.repeat,
            "patient",
            _event(plan),
            "training",
            hospitals,
            other_units={"hospital": dp_accounting.NonPrivateDpEvent()},
        )
    )
