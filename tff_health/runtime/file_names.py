"""Names of users' datasets and arms as names of files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path


def safe_name(name: str) -> str:
    """A name that is safe as a file name: odd characters are replaced, and a hash keeps different names apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60]
    if plain == name:
        return name
    return f"{plain or 'name'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def arm_file(folder: Path, part: str, dataset: str, label: str, ending: str) -> Path:
    """Where a part of the run folder keeps what belongs to an arm, or to a hospital's part of it (`ARM/HOSPITAL`)."""
    return folder / part / f"{'--'.join(safe_name(name) for name in (dataset, *label.split('/')))}{ending}"
