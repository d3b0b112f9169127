"""No figure without an entry: a cell that came from a checkpoint must stand in the ledger that its epsilon rests on."""

from __future__ import annotations

from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.privacy.ledger_file import LedgerError


def require_entry(ledger: PrivacyLedger, dataset: str, label: str, split: int) -> None:
    """Returns where the ledger holds the fit that a cell was measured on.

    Args:
        ledger: of the dataset.
        dataset: its name in the settings.
        label: the cell's: arm or arm/hospital; the real rows need no entry.
        split: from 0.

    Raises:
        LedgerError: no entry concerns the cell: the ledger was lost, replaced or cut.
    """
    key = ArmKey(dataset, label, split + 1)
    if label != "real" and not any(entry.concerns(key) for entry in ledger.entries):
        raise LedgerError(
            f"The privacy ledger {ledger.path} lacks the fit of {label} on {dataset}, split {split + 1}, whose result "
            "the run folder holds: what was spent is unknown; restore the ledger's file or begin a new run in another "
            "folder."
        )
