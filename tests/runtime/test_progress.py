"""Progress: lines without a terminal, a bar on one, silence when asked or when the pipe breaks."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tff_health.runtime import progress as progress_module
from tff_health.runtime.progress import Progress

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(progress_module.time, "monotonic", lambda: self.now)


def test_lines_at_stages_and_every_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), io.StringIO()
    with Progress(20, stream=stream) as progress:
        progress.stage("breast_cancer, fedavg")
        for number in range(1, 11):
            clock.now += 2
            progress.advance(note=f"round {number}")
        progress.stage("breast_cancer, fedyogi")
        clock.now += 60
        progress.advance(10, note="round 10")
    assert stream.getvalue().splitlines() == [
        "[  0%] breast_cancer, fedavg (0 s gone)",
        "[ 15%] breast_cancer, fedavg: round 3 (6 s gone, about 34 s left)",
        "[ 30%] breast_cancer, fedavg: round 6 (12 s gone, about 28 s left)",
        "[ 45%] breast_cancer, fedavg: round 9 (18 s gone, about 22 s left)",
        "[ 50%] breast_cancer, fedyogi (20 s gone, about 20 s left)",
        "[100%] breast_cancer, fedyogi: round 10 (1 min 20 s gone)",
    ]


def test_work_is_told_of_with_the_stage_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), io.StringIO()
    with Progress(10, stream=stream) as progress:
        progress.stage("first dataset, fedavg")
        progress.stage("second dataset, ctgan")
        clock.now += 6
        progress.advance(1, "round 3", "first dataset, fedavg")
        clock.now += 6
        progress.advance(1, "round 70", "second dataset, ctgan")
    assert [line.split("] ")[1].split(" (")[0] for line in stream.getvalue().splitlines()[2:]] == [
        "first dataset, fedavg: round 3",
        "second dataset, ctgan: round 70",
    ]


def test_resumed_work_counts_for_the_share_but_not_for_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), io.StringIO()
    with Progress(10, stream=stream) as progress:
        assert progress.seconds_left is None
        progress.skip(6)
        clock.now += 10
        progress.advance()
        assert progress.seconds_left == pytest.approx(30)
    assert stream.getvalue().startswith("[ 70%]")


def test_quiet_shows_nothing_and_counting_too_far_does_no_harm() -> None:
    stream = io.StringIO()
    with Progress(1, quiet=True, stream=stream) as progress:
        progress.stage("x")
        progress.advance(5)
    assert stream.getvalue() == ""
    with pytest.raises(ValueError, match="total must be positive"):
        Progress(0)


def test_a_broken_pipe_silences_it() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as stream, Progress(2, stream=stream) as progress:
        progress.stage("x")
        progress.advance()
        progress.advance()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)  # lets `close` flush what the pipe refused


PROGRAM = """
from tff_health.runtime.progress import Progress
with Progress(3) as progress:
    progress.stage("[bold]not markup[/bold]")
    for _ in range(3):
        progress.advance(note="round")
print("done")
"""


def test_through_cat_there_are_only_plain_lines() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{PROGRAM}' 2>&1 | cat"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[0] == "[  0%] [bold]not markup[/bold] (0 s gone)"
    assert done.stdout.splitlines()[-1] == "done"
    assert "\x1b" not in done.stdout


def test_on_a_terminal_there_is_a_bar_that_cleans_up() -> None:
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stderr=child, stdout=subprocess.PIPE, env=environment
    )
    os.close(child)
    shown = b""
    try:
        while chunk := os.read(parent, 4096):
            shown += chunk
    except OSError:  # Linux reports the end of a pseudo-terminal so
        pass
    assert process.communicate()[0] == b"done\n"
    assert process.returncode == 0
    assert b"100%" in shown
    assert b"[bold]not markup[/bold]: round" in shown
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")  # the cursor is visible again
    os.close(parent)


def test_a_name_cannot_command_the_terminal() -> None:
    stream = io.StringIO()
    with Progress(2, stream=stream) as progress:
        progress.stage("a\x1b[2Jb\u202ec, 医院")
    assert stream.getvalue() == "[  0%] a\\x1b[2Jb\\u202ec, 医院 (0 s gone)\n"
