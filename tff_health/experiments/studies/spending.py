"""What a study has released about the same patients: the ledgers of all its cells, composed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.studies.folder import cell_folder
from tff_health.experiments.studies.plan import Cell
from tff_health.privacy.budget import Unit
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.privacy.spending import Tally
from tff_health.privacy.statement import total_sentence
from tff_health.reporting.formatting import listing, plural
from tff_health.reporting.privacy_document import LedgerTotal


def study_totals(folder: Path, cells: Mapping[str, Sequence[Cell]]) -> dict[str, list[LedgerTotal]]:
    """Each dataset's totals over all cells that were begun, and over all datasets that are made of the same patients.

    Cells deal patients to hospitals, and to training and held-out parts, each in its own way. So every patient is
    counted as if it had been in the training part of every cell, and in the hospital that spent most: never too little.

    Args:
        folder: the study folder.
        cells: by dataset.

    Returns:
        By dataset; empty where no arm gives a guarantee.
    """
    sources: dict[str, list[str]] = {}
    for name, own in cells.items():
        sources.setdefault(own[0].settings.datasets[name].source or name, []).append(name)
    totals: dict[str, list[LedgerTotal]] = {}
    for names in sources.values():
        found = _totals(folder, names, [cell for name in names for cell in cells[name]])
        totals |= dict.fromkeys(names, found)
    return totals


def compose_cells(ledgers: Sequence[Sequence[LedgerEntry]]) -> Tally:
    """The entries of several ledgers as releases about the same patients, whatever hospital these were in.

    The tally's only dataset is `study`.
    """
    tally = Tally()
    for number, entries in enumerate(ledgers):
        for entry in entries:
            # Repeats are kept apart by cell; arms by name, so that those without a guarantee can be named.
            repeat = None if entry.repeat is None else number * 1_000_000 + entry.repeat
            tally.add(dataclasses.replace(entry, dataset="study", repeat=repeat, hospitals="all"))
    return tally


def _totals(folder: Path, names: Sequence[str], cells: Sequence[Cell]) -> list[LedgerTotal]:
    ledgers = []
    for cell in cells:
        with PrivacyLedger(ledger_file(cell_folder(folder, cell), cell.dataset), read_only=True) as ledger:
            ledgers.append(ledger.entries)
    tally = compose_cells(ledgers)
    claims = [
        (arm.privacy.level, arm.privacy.delta, cell.settings.repeats)
        for cell in cells
        for arm in cell.settings.datasets[cell.dataset].arms.values()
        if arm.privacy
    ]
    units: dict[Unit, None] = dict.fromkeys(level for level, _, _ in claims)
    totals = []
    for unit in units:
        delta = max(delta for level, delta, _ in claims if level == unit)
        models = sum(repeats for level, _, repeats in claims if level == unit)
        total = tally.total("study", unit, delta, "pld")
        where = f" of {listing(list(names))}, which share patients" if len(names) > 1 else ""
        text = (
            f"{models:,} models were trained under a {unit}-level guarantee, in {plural(len(cells), 'cell')}{where}, "
            f"each {unit} counted as if every cell had trained on it."
        )
        text += f" {total_sentence(total, 'study')}"
        totals.append(
            LedgerTotal(
                unit=unit,
                epsilon=total.private_arms,
                delta=delta,
                releases=sum(entry.count for entries in ledgers for entry in entries),
                sentence=text,
            )
        )
    return totals
