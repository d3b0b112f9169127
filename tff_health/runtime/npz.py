"""Arrays as the bytes of an .npz file, which NumPy reads without pickle."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from tff_health.runtime.signals import postponed_interruption


def npz_bytes(arrays: Mapping[str, np.ndarray], *, compressed: bool = True) -> bytes:
    """The bytes of an .npz file of the arrays.

    An interruption waits until the archive is whole: `zipfile` prints a traceback of its own where an exception
    finds an entry open.
    """
    content = io.BytesIO()
    with postponed_interruption():
        (np.savez_compressed if compressed else np.savez)(content, **arrays)
    return content.getvalue()
