"""What commands share: types of arguments, checks of folders, messages, and the command as it was typed."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from data.errors import DataError
from data.plain_names import visible


def check_data_dir(folder: Path | None) -> None:
    """Returns where the folder of data files can be used.

    Raises:
        DataError: it cannot.
    """
    try:
        usable = folder is None or folder.is_dir()
    except OSError:
        usable = False
    if not usable:
        raise DataError(f"--data-dir {folder}: no such folder; name the folder that holds the data files.")


def as_typed(parsed: argparse.Namespace) -> str:
    """The command that makes this run again; without the folder, which is the reader's own choice."""
    studied = parsed.command == "study"
    words = ["run_experiments.py", parsed.command, parsed.study if studied else parsed.experiment]
    for override in parsed.overrides:
        words += ["--set", override]
    if studied and parsed.quick:
        words += ["--quick"]
    if not studied and parsed.seed is not None:
        words += ["--seed", str(parsed.seed)]
    if parsed.hospitals is not None:
        words += ["--hospitals", parsed.hospitals.name]
    if parsed.simulate_hospitals is not None:
        words += ["--simulate-hospitals", str(parsed.simulate_hospitals)]
    return f"uv run {shlex.join(words)}"


def seed(text: str) -> int:
    """An argument that is a seed."""
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"must be a whole number between 0 and {2**32 - 1}")
    return value


def jobs(text: str) -> int:
    """An argument that is a number of processes."""
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return value


def gib(text: str) -> float:
    """An argument that is an amount of memory."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("must be a number of GiB above 0")
    return value


def complain(message: str) -> None:
    """Prints an error as one line; what it quotes from files cannot command the terminal."""
    text = " ".join(message.split())
    print(f"error: {visible(text)}", file=sys.stderr)
