"""Nobody writes a cell whose last process is still there."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_experiment import ROOT

from tff_health.experiments.studies.cell_lock import CellLockError, alone

_HOLDER = """
import sys, time
from pathlib import Path
from tff_health.experiments.studies.cell_lock import alone
with alone(Path(sys.argv[1]), 1, needed=True):
    print("held", flush=True)
    time.sleep(100)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_whoever_comes_second_waits_for_the_first_to_die(tmp_path):
    with hold(tmp_path / "lock") as holder:
        with (
            pytest.raises(CellLockError, match=r"more than 1 seconds.*--resume"),
            alone(tmp_path / "lock", 1, needed=True),
        ):
            pass
        subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {holder.pid}"]).wait()
        begun = time.monotonic()
        with alone(tmp_path / "lock", 30, needed=True):
            assert time.monotonic() - begun < 20
            assert holder.wait() == -9
    with alone(tmp_path / "lock", 0, needed=True):
        pass


def test_a_file_system_without_locks_will_do_on_one_machine_only(tmp_path, monkeypatch):
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with alone(tmp_path / "lock", 1, needed=False):
        pass
    with pytest.raises(CellLockError, match="leave out --scheduler"), alone(tmp_path / "lock", 1, needed=True):
        pass


def test_a_lock_that_cannot_be_made_is_one_sentence(tmp_path):
    with pytest.raises(CellLockError, match="--out"), alone(tmp_path / "nowhere" / "lock", 1, needed=False):
        pass
