"""Which code computes: a digest of the project's own files and of the modules that users name."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("data", "models", "tff_health")
_ENDINGS = (".py", ".toml", ".html", ".css", ".js")
_NAMED = re.compile(r'"([A-Za-z_][\w.]*):[A-Za-z_]\w*"')


def code_digest(modules: Iterable[str] = ()) -> str:
    """SHA-256 over names and contents of all files that results depend on, packages of others left out.

    Args:
        modules: of users, importable by name; one that cannot be found counts as absent.
    """
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.suffix in _ENDINGS:
                digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    for name in sorted(set(modules)):
        digest.update(f"{name}\0".encode())
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if found is not None and found.origin and Path(found.origin).is_file():
            digest.update(Path(found.origin).read_bytes())
    return digest.hexdigest()


def named_modules(document: str) -> set[str]:
    """Modules that settings name as `module:function`, the project's own left out.

    Args:
        document: the settings as JSON.
    """
    return {name for name in _NAMED.findall(document) if name.split(".")[0] not in _PACKAGES}
