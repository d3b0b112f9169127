"""Hospitals that are reached by the roster, as one TFF execution context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from tff_health.hospitals.connection import ClientIdentity, Connection
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.roster import Roster
from tff_health.runtime.attempts import single_attempt
from tff_health.runtime.context import WorkerContext, execution_context


@contextmanager
def connected(roster: Roster, identity: ClientIdentity) -> Iterator[HospitalsContext]:
    """A context over all hospitals of a roster; the connections end with the block, the hospitals' processes do not.

    Every hospital is asked for a masked zero first, so that one that cannot be reached, or masks by another roster, is
    found before anything else is computed.

    Args:
        roster: checked.
        identity: the coordinator's.

    Raises:
        SettingsError: the identity is not the one that the roster names.
        HospitalsError: a hospital cannot be reached, or has no secrets of this roster.
    """
    if identity.certificate.decode("ascii").strip() != roster.coordinator.certificate.strip():
        raise SettingsError(
            "the roster names another coordinator's certificate than --identity holds: every hospital would refuse."
        )
    with ExitStack() as stack:
        coordinator = stack.enter_context(execution_context())
        contexts = {}
        for entry in roster.hospital:
            connection = Connection(entry.name, entry.address, entry.certificate, identity)
            stack.callback(connection.stop)
            contexts[entry.name] = WorkerContext(connection)
            stack.callback(contexts[entry.name].close)
        context = HospitalsContext(coordinator, contexts, roster.fingerprint)
        stack.callback(context.close)
        check_masks(context)
        yield context


def check_masks(context: HospitalsContext) -> None:
    """Sums one masked zero a hospital.

    Raises:
        HospitalsError: one cannot be reached, or its secrets are missing or of another roster.
    """

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def total(zeros: Any) -> Any:
        return tff.federated_secure_sum_bitwidth(zeros, 1)

    with tff.framework.get_context_stack().install(context), single_attempt():
        total([np.int32(0)] * len(context.names))
