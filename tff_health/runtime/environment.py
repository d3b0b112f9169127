"""Facts about machine and software that a reader needs to repeat a run; nothing that names the place."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("tff-health", "tensorflow-federated", "tensorflow", "tensorflow-privacy", "dp-accounting", "keras"),
    *("numpy", "scipy", "pandas", "scikit-learn", "jax", "jaxlib", "grpcio", "protobuf", "pydantic"),
)
_ROOT = Path(__file__).resolve().parents[2]


def describe_environment() -> dict[str, Any]:
    """What the run stands on, ready for JSON.

    Returns:
        `python` (version), `packages` (name -> version, missing ones left out), `cpu` (model, logical
        count, count usable by this process), `memory_gib`, `os`, and `code` (git commit and whether files
        differ from it; None where the code does not lie in its own git work tree). No host name, user name
        or path.
    """
    return {
        "python": platform.python_version(),
        "packages": _packages(),
        "cpu": {
            "model": _cpu_model(),
            "count": os.cpu_count(),
            "usable": len(os.sched_getaffinity(0)),
        },
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "os": _operating_system(),
        "code": _code(),
    }


def _packages() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _operating_system() -> str:
    try:
        distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        distribution = ""
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{distribution}, {kernel}" if distribution else kernel


def _code() -> dict[str, Any] | None:
    top = _git("rev-parse", "--show-toplevel")
    # Installed inside some other project's work tree, the commit would be that project's.
    if top is None or Path(top).resolve() != _ROOT:
        return None
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return None if commit is None or changes is None else {"commit": commit, "modified": bool(changes)}


def _git(*arguments: str) -> str | None:
    """Output of a git command in the code's folder; None where git is missing, slow or refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
