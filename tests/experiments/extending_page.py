"""A page of docs/extending as a user follows it: its files in a folder of one's own, its commands one by one."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from small_experiment import ROOT, run

PAGES = ROOT / "docs" / "extending"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_DOOR = ["uv", "run", "--project", "$TFF_HEALTH", "$TFF_HEALTH/run_experiments.py"]


def follow(page: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Writes the page's files into a folder outside the project and runs its commands there, in the page's order."""
    done = []
    for block in _BLOCK.finditer((PAGES / page).read_text("utf-8")):
        if block["file"]:
            path = folder / block["file"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block["text"], "utf-8")
        for line in block["text"].splitlines() if block["language"] == "sh" else ():
            done.append(_run(line, folder))
            assert done[-1].returncode == 0, f"{line}: {done[-1].stderr}"
    assert done
    return done


def _run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[:4] == _DOOR[:4], line
    if words[4] == "python":
        return subprocess.run([sys.executable, *words[5:]], cwd=folder, capture_output=True, text=True, check=False)
    assert words[4] == _DOOR[4], line
    return run(*words[5:], cwd=folder)
