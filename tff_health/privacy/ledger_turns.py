"""One ledger for several processes of one run, which write it in turn."""

from __future__ import annotations

from pathlib import Path

from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry


class LedgerTurns:
    """A ledger that is opened for every entry and closed again; whoever finds it open waits the moment that takes.

    For fits of one release each, entered once: budgets, which hold over many steps, need a `PrivacyLedger` that stays
    open. Numbers of entries are places in the file, which only grows, so they stay what they are.

    Args:
        path: JSON lines, as in `PrivacyLedger`. Also an attribute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Everything reserved up to now, by any process.

        Raises:
            LedgerError: the file cannot be read, or is damaged.
        """
        with PrivacyLedger(self.path, read_only=True) as ledger:
            return ledger.entries

    def reserve(self, entry: LedgerEntry) -> int:
        """Enters steps before they run, durably: see `PrivacyLedger.reserve`."""
        with PrivacyLedger(self.path, wait=True) as ledger:
            return ledger.reserve(entry)

    def confirm(self, number: int) -> None:
        """Notes that reserved steps have run: see `PrivacyLedger.confirm`."""
        with PrivacyLedger(self.path, wait=True) as ledger:
            ledger.confirm(number)
