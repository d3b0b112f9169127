"""What the door of a hospital needs of a machine: nginx, and namespaces; in CI both must be there."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def _lacks() -> str:
    if not shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        return "nginx is not installed"
    tried = subprocess.run(["unshare", "--user", "--map-current-user", "--net", "--pid", "--fork", "true"], check=False)
    return "" if tried.returncode == 0 else "no network namespace can be made here"


LACKS = _lacks()
needs_door = pytest.mark.skipif(bool(LACKS) and "CI" not in os.environ, reason=LACKS or "nothing is missing")
