"""A store that is cleared begins anew, and leaves other settings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tff_health.runtime.checkpoints import CheckpointError, CheckpointStore


def test_own_checkpoints_go_damaged_ones_too(tmp_path: Path) -> None:
    store, other = CheckpointStore(tmp_path, "own", keep=3), CheckpointStore(tmp_path, "other")
    other.save(7, {"kept": 1})
    other.close()
    paths = [store.save(step, {"step": step}) for step in (1, 2, 3)]
    paths[2].write_bytes(b"torn")
    store.clear()
    assert not any(path.exists() for path in paths)
    assert store.latest() is None
    assert [refused.reason for refused in store.refused] == ["foreign"]
    found = other.latest()
    assert found is not None
    assert found.step == 7
    store.save(0, {"step": 0})
    again = store.latest()
    assert again is not None
    assert again.step == 0


def test_what_was_never_made_needs_no_clearing(tmp_path: Path) -> None:
    CheckpointStore(tmp_path / "nowhere", "own").clear()
    assert not (tmp_path / "nowhere").exists()


def test_another_processs_checkpoints_are_not_cleared(tmp_path: Path) -> None:
    busy = CheckpointStore(tmp_path, "own")
    path = busy.save(1, {"step": 1})
    with pytest.raises(CheckpointError, match="Another process"):
        CheckpointStore(tmp_path, "own").clear()
    assert path.exists()
