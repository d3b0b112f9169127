"""A study counts every release about the same patients, whether the cell that made it has finished or not."""

from __future__ import annotations

from pathlib import Path

import dp_accounting
import pytest
from large_study import large_plan, make_large_study

from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.studies.folder import cell_folder
from tff_health.experiments.studies.merge import study_results
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry


def release(folder: Path, dataset: str, arm: str) -> None:
    """Enters one noisy release of an arm into a cell's ledger."""
    entry = LedgerEntry(
        dataset, arm, 1, "patient", dp_accounting.GaussianDpEvent(2.0), "training", ("hospital 1", "hospital 2")
    )
    with PrivacyLedger(ledger_file(folder, dataset)) as ledger:
        ledger.confirm(ledger.reserve(entry))


@pytest.mark.slow
def test_variants_that_never_finished_are_counted(tmp_path: Path):
    folder = tmp_path / "study"
    make_large_study(folder, seeds=1)
    plan = large_plan(1)
    private = next(arm for arm in plan.cells[0].settings.datasets["iid"].arms if arm.startswith("patient"))
    for cell in plan.cells:
        release(cell_folder(folder, cell), cell.dataset, private)
    whole = study_results(folder, "").datasets["iid"].ledger
    for cell in plan.datasets["one_class"]:  # it fails after it has trained
        (cell_folder(folder, cell) / "results.json").unlink()
    results = study_results(folder, "")
    assert "one_class" not in results.datasets
    assert results.datasets["iid"].ledger == whole
    (total,) = whole
    assert total.releases == 5
    assert "5 cells" in total.sentence
    assert all(name in total.sentence for name in plan.datasets)
