"""A page of docs/extending as a user follows it: its files in a folder of one's own, its commands one by one."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from small_experiment import ROOT, run

PAGES = ROOT / "docs" / "extending"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_DOOR = ["uv", "run", "--project", "$TFF_HEALTH", "$TFF_HEALTH/run_experiments.py"]


def follow(page: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Writes the page's files into a folder outside the project, then runs its commands there."""
    blocks = list(_BLOCK.finditer((PAGES / page).read_text("utf-8")))
    for block in blocks:
        if block["file"]:
            (folder / block["file"]).write_text(block["text"], "utf-8")
    done = []
    for line in (line for block in blocks if block["language"] == "sh" for line in block["text"].splitlines()):
        words = shlex.split(line)
        assert words[:5] == _DOOR, line
        done.append(run(*words[5:], cwd=folder))
        assert done[-1].returncode == 0, f"{line}: {done[-1].stderr}"
    assert done
    return done
