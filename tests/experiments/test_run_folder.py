"""A run folder that is gone on with: what it must hold, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tff_health.experiments.loading import load_settings
from tff_health.experiments.run_folder import RunFolderError, ledger_file, open_folder


def test_a_ledger_that_nothing_would_count_is_refused(small_experiment: Path, tmp_path: Path):
    settings = load_settings(str(small_experiment))
    open_folder(tmp_path / "run", settings, resume=False)
    (name, *_) = settings.tasks
    ledger_file(tmp_path / "run", name).touch()
    open_folder(tmp_path / "run", settings, resume=True)
    (tmp_path / "run" / "ledger" / f"{name}-0123abcd.jsonl").touch()
    with pytest.raises(RunFolderError, match=r"0123abcd.jsonl is of no dataset of this run"):
        open_folder(tmp_path / "run", settings, resume=True)
