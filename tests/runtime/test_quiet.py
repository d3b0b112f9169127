"""Silence is cheap, leaves the user's own messages alone, and lets the user's own settings win."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, time, warnings, logging
begun = time.perf_counter()
import tff_health.runtime
from tff_health.runtime.quiet import silence_tensorflow
silence_tensorflow()
silence_tensorflow()
seconds = time.perf_counter() - begun
assert "tensorflow" not in sys.modules and "grpc" not in sys.modules and "numpy" not in sys.modules
logging.getLogger("tensorflow").error("==\\nObject was never used (type x)")
logging.getLogger("tensorflow").warning("noise")
logging.getLogger("tensorflow").error("a real error")
warnings.warn_explicit("noise", UserWarning, "x.py", 1, module="google.rpc")
warnings.warn_explicit("mine", UserWarning, "x.py", 1, module="my_google_code")
import os
print(os.environ["TF_CPP_MIN_LOG_LEVEL"], seconds < 0.5)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "GRPC_", "PYTHONWARNINGS"))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True
    )


def test_noise_goes_and_messages_stay() -> None:
    done = run()
    assert done.stdout == "3 True\n"
    assert [line for line in done.stderr.splitlines() if line.strip()] == ["a real error", "x.py:1: UserWarning: mine"]


def test_a_variable_of_the_user_wins() -> None:
    assert run(TF_CPP_MIN_LOG_LEVEL="0").stdout == "0 True\n"
