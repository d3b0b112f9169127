"""No figure without an entry: a cell that came from a checkpoint must stand in the ledger that its epsilon rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry
from tff_health.privacy.ledger_file import LedgerError

Repeat = Literal["split", "seed"]
"""What tells the cells of an arm apart."""


class Entries(Protocol):
    """What is read of a ledger."""

    path: Path

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Everything reserved, in order."""


def require_entry(ledger: Entries, dataset: str, label: str, number: int, repeat: Repeat = "split") -> None:
    """Returns where the ledger holds the fit that a cell was measured on.

    Args:
        ledger: of the dataset.
        dataset: its name in the settings.
        label: the cell's: arm or arm/hospital; what is real needs no entry.
        number: of the split or seed, from 0.
        repeat: which of them it is.

    Raises:
        LedgerError: no entry concerns the cell: the ledger was lost, replaced or cut.
    """
    key = ArmKey(dataset, label, number + 1)
    if label != "real" and not any(entry.concerns(key) for entry in ledger.entries):
        raise LedgerError(
            f"The privacy ledger {ledger.path} lacks the fit of {label} on {dataset}, {repeat} {number + 1}, whose "
            "result the run folder holds: what was spent is unknown; restore the ledger's file or begin a new run in "
            "another folder."
        )
