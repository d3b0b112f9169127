"""Where a dataset's run saves what it has done, and what it goes on from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tff_health.experiments.events import Listener
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.file_names import safe_name


class DatasetCheckpoints:
    """The checkpoints of one dataset in a run folder, a store for each step.

    Args:
        folder: the run folder.
        dataset: its name in the settings.
        fingerprint: of the settings that a resumed run must share.
        listener: told of checkpoints that cannot be used.
    """

    def __init__(self, folder: Path, dataset: str, fingerprint: str, listener: Listener) -> None:
        self._folder = folder / "checkpoints" / safe_name(dataset)
        self._fingerprint, self._listener = fingerprint, listener

    @contextlib.contextmanager
    def store(self, data: str, *step: str) -> Iterator[CheckpointStore]:
        """The store of one step, open.

        Args:
            data: fingerprint of the rows that a resumed run must share.
            step: its name, in parts.
        """
        identity = "/".join((self._fingerprint, data, *step))
        store = CheckpointStore(self._folder.joinpath(*map(safe_name, step)), identity)
        try:
            yield store
        finally:
            store.close()

    def latest(self, store: CheckpointStore) -> Any:
        """What was saved last, None where nothing was."""
        checkpoint = store.latest()
        for refused in store.refused:
            self._listener.refused(refused.message)
        return None if checkpoint is None else checkpoint.payload
