"""The privacy ledger of a run: every release is entered before it happens, and one the budget cannot cover does not."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from data.errors import SettingsError, TffHealthError
from tff_health.privacy.accountant import Accountant
from tff_health.privacy.budget import Budget, BudgetExhausted, Unit
from tff_health.privacy.calibration import Allowance
from tff_health.privacy.composition import Composition, Event, compose
from tff_health.privacy.ledger_entry import ArmKey, Kind, LedgerEntry, decode_entry, encode_entry
from tff_health.privacy.ledger_file import LedgerFile, damaged, read_records
from tff_health.privacy.spending import Spent, Tally, Total


class AccountingError(TffHealthError):
    """What was accounted is not what ran: the printed epsilon would be wrong, so there is none."""


class PrivacyLedger:
    """What one run released about patients, step by step, on disk.

    Write-ahead: `reserve` puts the entry on disk before the step runs, `confirm` follows it. A run that is killed
    between the two has perhaps sent its update already, so the step counts as spent for ever, confirmed or not. In the
    same way a step that is run again after resuming from an older checkpoint draws fresh noise and is a second release:
    it is reserved, and counted, again. Spending can thus be overstated by an interruption and never understated.

    One file a dataset process: files are locked, and datasets share no patients.

    Args:
        path: JSON lines; read back where it exists, whatever interrupted its writer. Also an attribute.
        read_only: neither locks nor writes.
        wait: for another process that writes it; see `LedgerTurns`.

    Raises:
        LedgerError: another process writes it and `wait` is not set, it cannot be written, or it is damaged.
    """

    def __init__(self, path: Path, read_only: bool = False, wait: bool = False) -> None:
        self.path = path
        self._file = None if read_only else LedgerFile(path, wait)
        self._lock = threading.RLock()
        self._entries: list[LedgerEntry] = []
        self._confirmed: set[int] = set()
        self._budgets: dict[ArmKey, Budget] = {}
        self._allowances: dict[tuple[Budget, Composition, Composition], Allowance] = {}
        self._tally = Tally()
        try:
            for number, record in enumerate(read_records(path), 2):
                try:
                    self._take(record)
                except (SettingsError, KeyError, TypeError, ValueError) as error:
                    raise damaged(path, number) from error
        except BaseException:
            self.close()
            raise
        self._first = len(self._entries)  # entries from here on are this process's own

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Everything reserved, confirmed or not, in order."""
        return tuple(self._entries)

    @property
    def unconfirmed(self) -> tuple[LedgerEntry, ...]:
        """What was reserved and never confirmed: begun by a run that was interrupted, or running now."""
        return tuple(entry for number, entry in enumerate(self._entries) if number not in self._confirmed)

    def set_budget(self, key: ArmKey, budget: Budget) -> None:
        """Limits an arm; from here on `reserve` refuses what does not fit.

        Raises:
            SettingsError: the arm has another budget already.
        """
        with self._lock:
            begun = self._budgets.get(key)
            if begun == budget:
                return
            if begun is not None:
                raise SettingsError(
                    f"privacy: arm {key.arm} of {key.dataset} was begun with epsilon {begun.epsilon:g} and delta "
                    f"{begun.delta:g} per {begun.unit}; begin a new run to change its budget."
                )
            limit = None if math.isinf(budget.epsilon) else budget.epsilon
            self._append({"record": "budget", "key": list(key), **vars(budget), "epsilon": limit}, durable=True)
            self._budgets[key] = budget

    def budget(self, key: ArmKey) -> Budget | None:
        """The arm's budget, or None where it has none."""
        return self._budgets.get(key)

    def fits(
        self, key: ArmKey, event: Event, hospitals: tuple[str, ...] | Literal["all"] = "all", count: int = 1
    ) -> bool:
        """Whether so many further steps fit into the arm's budget; without a budget everything does.

        Args:
            key: the arm.
            event: one step, for the budget's unit.
            hospitals: those that take part.
            count: how many steps.
        """
        budget = self._budgets.get(key)
        if budget is None:
            return True
        with self._lock:
            step = compose([(event, 1)])
            by_hospital = self._tally.compositions(self._tally.used_by(key), budget.unit)
            # A hospital that no entry names yet has what all hospitals have.
            shared = by_hospital.get("all", Composition())
            names = by_hospital if hospitals == "all" else hospitals
            affected = {by_hospital.get(name, shared) for name in names} or {shared}
            return all(self._fits_beside(budget, step, spent, count) for spent in affected)

    def allow(
        self, key: ArmKey, event: Event, hospitals: tuple[str, ...] | Literal["all"] = "all", count: int = 1
    ) -> None:
        """Returns where the arm's budget covers so many further steps.

        Raises:
            BudgetExhausted: it does not; the sentence says what is spent and what to do.
        """
        if self.fits(key, event, hospitals, count):
            return
        budget = self._budgets[key]
        spent = self.spent(key)
        done = self.steps(key)
        steps = f"after {max(done.values(), default=0):,} steps" if done else "before its first step"
        remedy = (
            "lower the number of steps, add noise or raise epsilon"
            if done
            else "even one step costs more; add noise or raise epsilon"
        )
        raise BudgetExhausted(
            f"privacy: arm {key.arm} of {key.dataset} (repeat {key.repeat}) stops {steps}: it has spent epsilon "
            f"{spent.epsilon:.4g} of {budget.epsilon:g} at delta {budget.delta:g} per {budget.unit}, and the next "
            f"{'step' if count == 1 else f'{count} steps'} would exceed it; {remedy}."
        )

    def reserve(self, entry: LedgerEntry) -> int:
        """Enters steps before they run, durably.

        Returns:
            the entry's number, for `confirm`.

        Raises:
            BudgetExhausted: an arm that uses the release cannot afford it; nothing was entered.
            LedgerError: the entry could not be written; the step must not start.
        """
        with self._lock:
            for key, budget in self._budgets.items():
                if entry.concerns(key):
                    self.allow(key, entry.event_for(budget.unit), entry.hospitals, entry.count)
            number = len(self._entries)
            self._append({"record": "reserve", "number": number, **encode_entry(entry)}, durable=True)
            self._enter(entry)
            return number

    def confirm(self, number: int) -> None:
        """Notes that reserved steps have run. Losing the note to a power cut changes no epsilon."""
        with self._lock:
            if not 0 <= number < len(self._entries):
                raise AccountingError(f"privacy: step {number} was never reserved.")
            if number not in self._confirmed:
                self._append({"record": "confirm", "number": number}, durable=False)
                self._confirmed.add(number)

    def spent(
        self, key: ArmKey, unit: Unit | None = None, delta: float | None = None, accountant: Accountant | None = None
    ) -> Spent:
        """What an arm has spent, releases shared with other arms included: per hospital, and the worst of them.

        Args:
            key: the arm.
            unit: whose data; the budget's where not given, as for delta and accountant.
            delta: of the guarantee.
            accountant: the one to use.

        Raises:
            SettingsError: the arm has no budget and unit or delta is missing.
        """
        budget = self._budgets.get(key)
        if budget is None and (unit is None or delta is None):
            raise SettingsError(f"privacy: arm {key.arm} of {key.dataset} has no budget: give unit and delta.")
        chosen = accountant or (budget.accountant if budget else "pld")
        wanted: Unit = unit or (budget.unit if budget else "patient")
        tolerated = delta or (budget.delta if budget else 1e-5)
        return self._tally.spent(self._tally.used_by(key), wanted, tolerated, chosen)

    def total(self, dataset: str, unit: Unit, delta: float, accountant: Accountant = "pld") -> Total:
        """What the whole run has spent on a dataset's patients: all arms and repeats, one after the other.

        Arms and repeats train on the same patients, so they compose, whatever is published of them in the end.
        """
        return self._tally.total(dataset, unit, delta, accountant)

    def steps(
        self, key: ArmKey, kind: Kind | None = None, own: bool = False, hospitals: Iterable[str] = ()
    ) -> dict[str, int]:
        """Steps accounted for each hospital; entries for all hospitals count for each that is named anywhere.

        Args:
            key: the arm; releases shared with other arms do not count.
            kind: only these.
            own: only what this process reserved and confirmed.
            hospitals: further hospitals to list.
        """
        counted = [
            entry
            for number, entry in enumerate(self._entries)
            if (entry.dataset, entry.arm, entry.repeat) == key
            and kind in (None, entry.kind)
            and (not own or (number >= self._first and number in self._confirmed))
        ]
        named = {name for entry in counted if entry.hospitals != "all" for name in entry.hospitals}
        names = sorted({*hospitals, *named}) or (["all"] if counted else [])
        return {name: sum(entry.count for entry in counted if entry.reads(name)) for name in names}

    def assert_executed(self, key: ArmKey, executed: Mapping[str, int], kind: Kind = "training") -> None:
        """Holds the ledger to what hospitals measured: equal for every hospital, or there is no epsilon.

        Args:
            key: the arm.
            executed: steps that each hospital ran since this ledger was opened, counted where they ran.
            kind: which entries those steps belong to.

        Raises:
            AccountingError: names each hospital whose steps differ.
        """
        assert_steps_equal(self.steps(key, kind, own=True, hospitals=executed), executed, f"arm {key.arm}")

    def close(self) -> None:
        """Lets other processes write the ledger."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> PrivacyLedger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fits_beside(self, budget: Budget, step: Composition, spent: Composition, count: int) -> bool:
        """Whether steps fit beside what one hospital has spent.

        Steps of the same kind are taken out of what is spent, so that one `Allowance` serves all rounds of an arm.
        """
        others, done = spent.without(step)
        place = (budget, step, others)
        if place not in self._allowances:
            self._allowances[place] = Allowance(step, budget, others)
        return self._allowances[place].fits(done + count)

    def _enter(self, entry: LedgerEntry) -> None:
        self._entries.append(entry)
        self._tally.add(entry)

    def _take(self, record: dict[str, Any]) -> None:
        kind = record["record"]
        if kind == "reserve" and record["number"] == len(self._entries):
            self._enter(decode_entry(record))
        elif kind == "confirm" and 0 <= record["number"] < len(self._entries):
            self._confirmed.add(record["number"])
        elif kind == "budget":
            dataset, arm, repeat = record["key"]
            epsilon = math.inf if record["epsilon"] is None else record["epsilon"]
            budget = Budget(epsilon, record["delta"], record["unit"], record["accountant"])
            self._budgets[ArmKey(dataset, arm, repeat)] = budget
        else:
            raise ValueError(kind)

    def _append(self, record: dict[str, Any], durable: bool) -> None:
        if self._file is None:
            raise AccountingError("privacy: a ledger opened for reading takes no entries.")
        self._file.append(record, durable)


def assert_steps_equal(accounted: Mapping[str, int], executed: Mapping[str, int], what: str) -> None:
    """Raises unless accounted and executed steps are the same for every hospital.

    Raises:
        AccountingError: names each hospital whose steps differ.
    """
    differing = [
        f"{name} ran {executed.get(name, 0):,} steps, {accounted.get(name, 0):,} were accounted"
        for name in sorted({*accounted, *executed})
        if accounted.get(name, 0) != executed.get(name, 0)
    ]
    if differing:
        raise AccountingError(
            f"privacy: the accounting of {what} does not match what ran ({'; '.join(differing)}); its epsilon is not "
            "to be believed: please report this."
        )
