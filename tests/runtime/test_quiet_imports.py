"""Whoever imports the library gets no banner, in whatever order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["tff_health.learning.classifier", "tff_health.analytics.statistics"])
def test_importing_prints_nothing(module):
    done = run(f"import {module}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_readmes_python_runs_and_prints_nothing():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[1]
    done = run(code + "    print(len(process.get_model_weights(state).trainable))\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")
