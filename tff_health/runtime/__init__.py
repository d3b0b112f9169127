"""TFF contexts and workers, seeds, checkpoints, signals, progress.

Importing this package is cheap; the names below import TensorFlow and TFF when first touched.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tff_health.runtime.attempts import single_attempt
    from tff_health.runtime.client_batches import client_dataset
    from tff_health.runtime.context import ensure_context, execution_context, release_context

_HOMES = {
    "client_dataset": "client_batches",
    "ensure_context": "context",
    "execution_context": "context",
    "release_context": "context",
    "single_attempt": "attempts",
}
__all__ = ["client_dataset", "ensure_context", "execution_context", "release_context", "single_attempt"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
