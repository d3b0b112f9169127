"""Names of users' datasets, arms and hospitals as names of files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_BETWEEN = "--"  # stands between the names of a file's name, so no name may hold it as it is
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # what Windows keeps for devices
_DIGEST = re.compile(r"(_.*-[0-9a-f]{8}|-[0-9a-f]{16})$")  # as `safe_name` makes them
_WORDS = re.compile(r"[A-Za-z0-9.-]+( [A-Za-z0-9.-]+)+")
_LONGEST, _LONGEST_CUT = 60, 40


def safe_name(name: str) -> str:
    """A name that is safe as a file name: odd characters are replaced, and a hash keeps different names apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:_LONGEST]
    if name and plain == name and not _is_misleading(name):
        return name
    # Surrogates, which no encoding takes, come from names that a file system gave.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    if _WORDS.fullmatch(name) and plain == name.replace(" ", "_") and not _is_misleading(plain):
        return f"{plain}-{digest[:8]}"  # blanks alone were replaced: no other name gives this one
    # Two names of one short digest are found in seconds by whoever looks for them.
    return f"{plain[:_LONGEST_CUT].strip('._-') or 'name'}-{digest[:16]}"


def label_names(label: str) -> tuple[str, ...]:
    """An arm's label as names: the arm's, and the hospital's whose part of it is meant (`ARM/HOSPITAL`), if any."""
    arm, _, hospital = label.partition("/")  # no arm's name has a slash; a hospital's may
    return (arm, hospital) if hospital else (arm,)


def file_name(*names: str) -> str:
    """Names as one file name without an ending; different names give different ones."""
    return _BETWEEN.join(map(safe_name, names))


def arm_file(folder: Path, part: str, dataset: str, label: str, ending: str) -> Path:
    """Where a part of the run folder keeps what belongs to an arm, or to a hospital's part of it (`ARM/HOSPITAL`)."""
    return folder / part / f"{file_name(dataset, *label_names(label))}{ending}"


def _is_misleading(name: str) -> bool:
    """Whether a name that needs no replacing could be taken for a device, for two names or for one with a digest."""
    at_an_end = name != "-" and name != name.strip("-")
    return bool(_BETWEEN in name or at_an_end or _RESERVED.fullmatch(name) or _DIGEST.search(name))
