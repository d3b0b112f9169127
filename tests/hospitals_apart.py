"""Three hospitals, each in a worker of its own that was started in its own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import tensorflow_federated as tff
from hospital_secrets import hospitals_at

from tff_health.hospitals.context import HospitalsContext
from tff_health.runtime.context import WorkerContext, execution_context
from tff_health.runtime.worker import Worker

NAMES = ("north", "south", "east")


@contextmanager
def federation(root: Path, names: tuple[str, ...] = NAMES) -> Iterator[tuple[HospitalsContext, dict[str, Worker]]]:
    """Workers of hospitals in folders below `root`, and a context over them that is installed."""
    roster = hospitals_at(root, names)
    workers = {name: Worker(folder=root / name) for name in names}
    with ExitStack() as stack:
        contexts = {}
        for name, worker in workers.items():
            stack.callback(worker.stop)
            contexts[name] = WorkerContext(worker)
            stack.callback(contexts[name].close)
        coordinator = stack.enter_context(execution_context())
        context = HospitalsContext(coordinator, contexts, roster)
        stack.callback(context.close)
        stack.enter_context(tff.framework.get_context_stack().install(context))
        yield context, workers
