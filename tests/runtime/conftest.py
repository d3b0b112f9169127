"""One finished run of the example program, shared by the tests that look at what it left."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from example_run import FinishedRun  # isort: skip (beside this file)

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def finished_run() -> FinishedRun:
    # The proxy variables are those of a hospital's network; calls to this machine must not go there.
    proxies = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(HERE / 'federated_example.py'))} success | cat"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), **proxies},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    return FinishedRun(done.stdout.splitlines(), done.stderr, done.returncode)
