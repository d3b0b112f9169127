"""The file in which a hospital keeps its pairwise secrets: written by `keys`, read inside the worker's computations.

All little-endian: 8 bytes that name the format, uint32 number of others, the roster's fingerprint (32 bytes), and for
each other hospital a uint32 (1: adds the pair's masks, 0: subtracts them) and the secret (32 bytes). No TensorFlow.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data.errors import SettingsError
from tff_health.secure_aggregation.key_agreement import Pair

SECRETS_FILE = "secrets/pairs.bin"  # relative to the folder in which the worker runs
USED_FOLDER = "secrets/used"  # of the attempts that were served
MAGIC = b"tffmask1"
HEAD_WORDS = 2 + 1 + 8  # of 32 bits: magic, count, fingerprint
PAIR_WORDS = 1 + 8


def write_secrets(path: Path, fingerprint: bytes, pairs: Sequence[Pair]) -> None:
    """Writes the file anew, readable by its owner alone, whole or not at all.

    Raises:
        SettingsError: the folder cannot be written.
    """
    content = MAGIC + struct.pack("<I", len(pairs)) + fingerprint
    content += b"".join(struct.pack("<I", pair.adds) + pair.secret for pair in pairs)
    name = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600 from the start
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}): allow writing to its folder.") from error
    finally:
        if name is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
