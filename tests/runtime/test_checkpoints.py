"""Checkpoints survive truncation, bit flips, full disks and kills, and come back bit for bit."""

from __future__ import annotations

import collections
import dataclasses
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest

from tff_health.runtime import nested
from tff_health.runtime.checkpoints import CheckpointError, CheckpointStore

ROOT = Path(__file__).resolve().parents[2]


class Weights(NamedTuple):
    trainable: list[np.ndarray]
    non_trainable: tuple[np.ndarray, ...]


@attrs.define
class Clip:
    norm: np.float32
    _private: int = 0


@dataclasses.dataclass(frozen=True)
class Noise:
    seed: np.ndarray
    label: str


def example_state() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    dtypes = ["float32", "float64", "float16", "int8", "int32", "int64", "uint8", "uint32", "uint64", "bool"]
    return {
        "weights": Weights([rng.normal(size=(3, 2)).astype(np.float32)], (np.zeros((0, 4), np.float64),)),
        "finalizer": collections.OrderedDict(b=np.float32(0.1), a=()),
        "clip": Clip(np.float32(np.pi), 3),
        "noise": Noise(np.array([1, 2**63 - 1], np.int64), "tree"),
        "dtypes": {name: (rng.normal(size=5) * 10).astype(name) for name in dtypes},
        "special": np.array([np.nan, -0.0, np.inf, 5e-324], np.float64),
        "nan_with_payload": np.array([0x7FC12345], np.uint32).view(np.float32),
        "zero_dimensional": np.array(7, np.int32),
        "texts": np.array(["straße", ""]),
        "raw_bytes": np.array([b"\x00a", b"b\x00\x00"], object),
        "plain": [None, True, 3, -(2**70), 0.1, float("inf"), "text", b"\x00\xff"],
    }


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, np.ndarray) and left.dtype == object:
        assert left.tolist() == right.tolist()
    elif isinstance(left, (np.ndarray, np.generic)):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_same(a, b)
    elif isinstance(left, Clip):
        assert_same(attrs.astuple(left), attrs.astuple(right))
    elif isinstance(left, Noise):
        assert_same(left.seed, right.seed)
        assert left.label == right.label
    else:
        assert left == right


def test_every_kind_of_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    state = example_state()
    CheckpointStore(tmp_path, "settings").save(3, state)
    found = CheckpointStore(tmp_path, "settings").latest()
    assert found is not None
    assert found.step == 3
    assert_same(nested.restore(example_state(), found.payload), state)


def test_plain_payload_needs_no_template(tmp_path: Path) -> None:
    payload = {"arm": "fedavg", "rounds": [{"round": 1, "loss": 0.1 + 0.2}], "weights": np.arange(4.0)}
    store = CheckpointStore(tmp_path, "settings")
    store.save(0, payload)
    found = store.latest()
    assert found is not None
    assert_same(found.payload, payload)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["weights"].trainable.append(np.zeros(1)), "state['weights'].trainable should have 2 items"),
        (lambda s: s.update(special=np.zeros(3)), "state['special'] should be float64 of shape [3]"),
        (lambda s: s.update(special=np.zeros(4, np.float32)), "state['special'] should be float32"),
        (lambda s: s.update(extra=1), "state should have the fields"),
        (lambda s: s.update(plain=[None, True, 3, 1, 1, 1.0, "", b""]), "state['plain'][4] should be a int"),
        (lambda s: s.update(clip=(1, 2, 3)), "state['clip'] should have 3 items"),
    ],
)
def test_a_template_that_does_not_fit_is_refused_with_the_place(change: Any, words: str, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, "settings")
    store.save(1, example_state())
    found = store.latest()
    template = example_state()
    change(template)
    with pytest.raises(nested.StructureError) as refusal:
        nested.restore(template, found.payload)
    assert words in str(refusal.value)


@pytest.mark.parametrize("leaf", [object(), {1: 2}, np.array([object()]), {1, 2}, np.array(["2020"], "M8[D]")])
def test_what_cannot_be_kept_is_refused_before_writing(leaf: Any, tmp_path: Path) -> None:
    with pytest.raises(nested.StructureError, match=r"^state\['leaf'\]"):
        CheckpointStore(tmp_path, "settings").save(1, {"leaf": leaf})
    assert list(tmp_path.iterdir()) == []


def two_checkpoints(folder: Path) -> tuple[Path, bytes]:
    store = CheckpointStore(folder, "settings")
    store.save(1, {"weights": np.arange(3, dtype=np.float32)})
    newest = store.save(2, {"weights": np.arange(4, dtype=np.float32), "text": "x"})
    store.close()
    return newest, newest.read_bytes()


def test_a_file_cut_anywhere_is_refused_and_the_one_before_used(tmp_path: Path) -> None:
    newest, content = two_checkpoints(tmp_path)
    store = CheckpointStore(tmp_path, "settings")
    for length in range(len(content)):
        newest.write_bytes(content[:length])
        found = store.latest()
        assert found is not None
        assert found.step == 1
        assert [(refused.name, refused.reason) for refused in store.refused] == [(newest.name, "truncated")]
    newest.write_bytes(content)
    assert store.latest().step == 2
    assert store.refused == []


def test_one_flipped_bit_anywhere_is_noticed(tmp_path: Path) -> None:
    newest, content = two_checkpoints(tmp_path)
    store = CheckpointStore(tmp_path, "settings")
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << (position % 8)
        newest.write_bytes(damaged)
        assert store.latest().step == 1, f"byte {position} of {len(content)}"
        assert len(store.refused) == 1


def test_appended_bytes_and_other_files_are_refused(tmp_path: Path) -> None:
    newest, content = two_checkpoints(tmp_path)
    store = CheckpointStore(tmp_path, "settings")
    for stranger in (content + b"x", b"x" * 1000, os.urandom(500)):
        newest.write_bytes(stranger)
        assert store.latest().step == 1
        assert store.refused[0].reason == "corrupt"
    (tmp_path / "checkpoint-notes.txt").write_text("mine")
    newest.unlink()
    newest.mkdir()
    assert store.latest().step == 1
    assert store.refused[0].reason == "unreadable"


def test_checkpoints_of_other_settings_are_refused_and_left_alone(tmp_path: Path) -> None:
    theirs, content = two_checkpoints(tmp_path)
    store = CheckpointStore(tmp_path, "other settings")
    assert store.latest() is None
    assert [refused.reason for refused in store.refused] == ["foreign", "foreign"]
    for step in range(5):
        store.save(step, {"step": step})
    store.close()
    assert theirs.read_bytes() == content
    assert store.latest().step == 4
    assert CheckpointStore(tmp_path, "settings").latest().step == 2


def test_a_renamed_foreign_checkpoint_is_recognised_by_its_content(tmp_path: Path) -> None:
    two_checkpoints(tmp_path)
    store = CheckpointStore(tmp_path, "other settings")
    own = store.save(1, {})
    own.write_bytes(next(tmp_path.glob("*00000002.ckpt")).read_bytes())
    assert store.latest() is None
    assert {refused.reason for refused in store.refused} == {"foreign"}


def test_only_the_newest_are_kept_and_later_steps_give_way(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, "settings", keep=2)
    for step in range(6):
        store.save(step, {"step": step})
    assert sorted(path.name[-13:-5] for path in tmp_path.iterdir()) == ["00000004", "00000005"]
    store.save(4, {"step": "again"})
    assert [path.name[-13:-5] for path in tmp_path.iterdir()] == ["00000004"]
    assert store.latest().payload == {"step": "again"}


def test_no_folder_means_no_checkpoint(tmp_path: Path) -> None:
    assert CheckpointStore(tmp_path / "none", "settings").latest() is None


def test_a_second_writer_is_turned_away(tmp_path: Path) -> None:
    first = CheckpointStore(tmp_path, "settings")
    first.save(1, {})
    second = CheckpointStore(tmp_path, "settings")
    with pytest.raises(CheckpointError, match="Another process"):
        second.save(2, {})
    first.close()
    second.save(2, {})
    assert first.latest().step == 2


def test_a_path_that_cannot_be_a_folder_gives_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="make the folder writable or choose another"):
        CheckpointStore(tmp_path / "file" / "checkpoints", "settings").save(1, {})


def test_failing_writes_leave_the_checkpoints_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CheckpointStore(tmp_path, "settings")
    store.save(1, {})
    for failing in ("fsync", "replace"):

        def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, failing, fail)
            with pytest.raises(CheckpointError, match="disk is full"):
                store.save(2, {})
        assert [path.name[-13:] for path in tmp_path.iterdir()] == ["00000001.ckpt"]
    store.save(2, {})
    assert store.latest().step == 2


def run_program(program: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


FILL = """
import sys, pathlib, numpy as np
from tff_health.runtime.checkpoints import CheckpointError, CheckpointStore
store = CheckpointStore(pathlib.Path(sys.argv[1]), "settings")
for step in range(1, 100):
    try:
        store.save(step, {"weights": np.full(2000 * step, step, np.float32)})
    except CheckpointError as error:
        print(step, type(error.__cause__).__name__, error.__cause__.errno, error)
        break
left = sorted(path.name for path in pathlib.Path(sys.argv[1]).iterdir())
print(store.latest().step, len(left), store.refused, left)
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@"'
    done = run_program(FILL, str(tmp_path), prefix=("unshare", "--mount", "sh", "-c", mount, str(tmp_path)))
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip("mounting a small file system needs privileges")
    failure, summary = done.stdout.splitlines()
    step, kind, number, message = failure.split(" ", 3)
    assert (kind, int(number)) == ("OSError", errno.ENOSPC)
    assert message.startswith("The disk is full")
    assert summary.startswith(f"{int(step) - 1} 2 [] ")
    assert ".tmp" not in summary


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    done = run_program(limit + FILL, str(tmp_path))
    assert done.returncode == 0, done.stderr
    failure, summary = done.stdout.splitlines()
    step, _, number, message = failure.split(" ", 3)
    assert int(number) == errno.EFBIG
    assert message.startswith("The disk is full")
    assert summary.startswith(f"{int(step) - 1} 2 [] ")


CRASH = """
import sys, os, pathlib
from tff_health.runtime.checkpoints import CheckpointStore
store = CheckpointStore(pathlib.Path(sys.argv[1]), "settings")
store.save(1, {"step": 1})
setattr(os, sys.argv[2], lambda *_: os._exit(9))
store.save(2, {"step": 2})
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_crash_inside_a_write_leaves_the_one_before_and_no_rubbish(moment: str, tmp_path: Path) -> None:
    assert run_program(CRASH, str(tmp_path), moment).returncode == 9
    assert len(list(tmp_path.glob("*.tmp"))) == 1
    store = CheckpointStore(tmp_path, "settings")
    assert store.latest() == (1, {"step": 1})
    store.save(2, {"step": 2})
    assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.glob("*.tmp")) == []


ENDLESS = """
import sys, pathlib, itertools, numpy as np
from tff_health.runtime.checkpoints import CheckpointStore
store = CheckpointStore(pathlib.Path(sys.argv[1]), "settings")
found = store.latest()
assert not store.refused, store.refused
for step in itertools.count(found.step + 1 if found else 0):
    store.save(step, {"weights": np.full(300_000, step, np.float64)})
    print(step, flush=True)
"""


def test_kill_9_at_any_moment_loses_at_most_the_step_being_written(tmp_path: Path) -> None:
    delays = random.Random(0)
    reached = -1
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert int(process.stdout.readline()) == reached + 1
            time.sleep(delays.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            printed = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        store = CheckpointStore(tmp_path, "settings")
        found = store.latest()
        assert found is not None
        assert store.refused == []
        assert found.step in (max([reached + 1, *printed]), max([reached + 1, *printed]) + 1)
        assert np.all(found.payload["weights"] == found.step)
        reached = found.step
    assert len(list(tmp_path.glob("*.tmp"))) <= 1
