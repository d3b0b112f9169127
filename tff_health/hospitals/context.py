"""The TFF execution context of a federation whose hospitals each compute in a worker of their own."""

from __future__ import annotations

import concurrent.futures
import contextlib
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cachetools
import grpc
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_federated.python.common_libs import structure
from tensorflow_federated.python.core.impl.compiler import tree_analysis
from tensorflow_federated.python.core.impl.types import type_analysis, type_conversions

from data.errors import TffHealthError
from tff_health.hospitals.connection import Connection
from tff_health.hospitals.costs import Costs
from tff_health.hospitals.round_form import RoundForm, round_form
from tff_health.runtime.at_hospital import AtHospital, maker_of
from tff_health.runtime.attempts import attempts_allowed, single_attempt
from tff_health.runtime.context import WorkerContext
from tff_health.runtime.executors import unread_results
from tff_health.runtime.value_proto import WireValue
from tff_health.runtime.worker import WorkerError
from tff_health.secure_aggregation.hospital_side import CHECK_RING, Session

_KEPT_FORMS = 32
_RUN_WORDS = 2


class HospitalsError(TffHealthError):
    """A computation that a hospital could not take part in: names the hospital."""


class HospitalsContext(tff.framework.SyncContext):
    """Computes federated computations over hospitals, one client each, all of them in every computation.

    The part of a computation before the broadcast and after the sums is computed by the coordinator's own worker, the
    part in between by every hospital's, all at the same time. A hospital gets its own element of client-placed
    arguments and what is broadcast, nothing else; the coordinator gets its summands, masked where the computation asks
    for secure sums.

    A computation that a hospital fails is attempted again, by all hospitals and with new masks, at most twice, and not
    at all inside `single_attempt()`.

    Args:
        coordinator: of the server's parts, and of computations without clients.
        hospitals: by name; clients' arguments come in this order.
        roster: fingerprint of the hospitals' names and public keys, 32 bytes; None where nobody masks: computations
            with secure sums are then refused.
    """

    is_apart = True
    """`runtime.context.computing_context` leaves it in place."""

    def __init__(
        self, coordinator: WorkerContext, hospitals: Mapping[str, WorkerContext], roster: bytes | None = None
    ) -> None:
        self._coordinator = coordinator
        self._hospitals = dict(hospitals)
        self._roster = None if roster is None else np.frombuffer(roster, "<u4")
        # 64 bits from the operating system: no two runs have the same.
        self._run = np.frombuffer(secrets.token_bytes(4 * _RUN_WORDS), "<u4")
        self._invocations = 0
        self._forms: cachetools.LRUCache[tuple[Any, ...], tuple[RoundForm, Any]] = cachetools.LRUCache(_KEPT_FORMS)
        self._seconds = {"coordinator": 0.0, "hospitals": 0.0}
        self._turn = threading.RLock()
        self._pool = concurrent.futures.ThreadPoolExecutor(max(1, len(self._hospitals)), "hospital")

    def invoke(self, comp: tff.Computation, arg: Any) -> Any:
        """Called by TFF when a computation is called.

        Raises:
            HospitalsError: a hospital failed every attempt, or the clients are not one a hospital.
        """
        if not type_analysis.contains(comp.type_signature, _at_clients):
            if tree_analysis.contains(comp.to_building_block(), lambda part: _at_clients(part.type_signature)):
                raise HospitalsError(
                    f"a computation of type {comp.type_signature} asks the hospitals without an argument of theirs: "
                    "give it one at the clients, so that it is known who takes part."
                )
            return self._coordinator.invoke(comp, arg)
        with self._turn:
            values = [arg] if isinstance(comp.type_signature.parameter, tff.FederatedType) else list(arg)
            form = self._form(comp, _makers(comp, values))
            of_server = structure.Struct([(None, values[place]) for place in form.server_places])
            of_hospitals = self._of_hospitals([values[place] for place in form.client_places])
            with self._timed("coordinator"), unread_results():
                told = self._coordinator.invoke(form.prepare, of_server)
            with self._timed("hospitals"):
                sent = self._attempts(form, told, of_hospitals)
            with self._timed("coordinator"):
                totals = self._totals(form, sent)
                summands = [part.element(0) for part in sent]
                result = self._coordinator.invoke(form.finish, structure.Struct.unnamed(of_server, summands, totals))
        return _as_declared(result, comp.type_signature.result)

    def ask(self, comp: tff.Computation, told: Any = None) -> dict[str, Any]:
        """Every hospital's result of a computation without placements: nothing is summed, nothing is masked.

        For what hospitals publish, such as the number of their rows.

        Raises:
            HospitalsError: a hospital failed every attempt.
        """
        with self._turn:
            calls = {name: self._pool.submit(context.invoke, comp, told) for name, context in self._hospitals.items()}
            results = {}
            for name, call in calls.items():
                try:
                    results[name] = call.result()
                except WorkerError as error:
                    raise HospitalsError(f"hospital {name!r} did not answer: {error}") from error
                except (grpc.RpcError, ValueError, TypeError) as error:
                    raise HospitalsError(f"hospital {name!r} could not compute its part: {_said(error)}") from error
        return results

    @property
    def costs(self) -> Costs:
        """What the context has cost so far."""
        connections = {name: context.worker for name, context in self._hospitals.items()}
        traffic = {name: own.traffic for name, own in connections.items() if isinstance(own, Connection)}
        return Costs(self._seconds["coordinator"], self._seconds["hospitals"], traffic)

    @contextlib.contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[phase] += time.monotonic() - started

    @property
    def names(self) -> tuple[str, ...]:
        """The hospitals, in the order of clients' arguments."""
        return tuple(self._hospitals)

    def close(self) -> None:
        """Ends the context's threads; the workers belong to others."""
        self._pool.shutdown(cancel_futures=True)

    def _form(self, comp: tff.Computation, makers: Mapping[int, tff.Computation]) -> RoundForm:
        key = (id(comp), *((place, id(make)) for place, make in makers.items()))
        kept = self._forms.get(key)
        if kept is None:
            form = round_form(comp, len(self._hospitals), lambda part: self._coordinator.invoke(part, None), makers)
            if form.rings and self._roster is None:
                raise HospitalsError("a computation asks for secure sums, but the hospitals have no keys to mask with.")
            # With the computations, so that their identities stay their own.
            kept = self._forms[key] = (form, (comp, *makers.values()))
        return kept[0]

    def _of_hospitals(self, values: Sequence[Any]) -> list[structure.Struct]:
        for value in values:
            if not isinstance(value, (list, tuple)) or len(value) != len(self._hospitals):
                raise HospitalsError(
                    f"a computation has arguments for {_count(value)} clients, but {len(self._hospitals)} hospitals "
                    "take part: pass one element a hospital, in the roster's order."
                )
        return [
            structure.Struct([(None, _sent(value[place])) for value in values]) for place in range(len(self._hospitals))
        ]

    def _attempts(self, form: RoundForm, told: WireValue, of_hospitals: Sequence[structure.Struct]) -> list[WireValue]:
        invocation, self._invocations = self._invocations, self._invocations + 1
        most = attempts_allowed()
        for attempt in range(most):
            session = self._session(invocation, attempt) if form.rings else None
            failed: dict[str, Exception] = {}
            sent = []
            calls = [
                self._pool.submit(_compute, context, form.at_hospital, own, told, session)
                for context, own in zip(self._hospitals.values(), of_hospitals, strict=True)
            ]
            for name, call in zip(self._hospitals, calls, strict=True):
                try:
                    sent.append(call.result())
                except WorkerError as error:
                    failed[name] = error
                except (grpc.RpcError, ValueError, TypeError) as error:
                    if _is_lost(error):
                        failed[name] = error
                        continue
                    # Its data or its keys: no second try helps.
                    concurrent.futures.wait(calls)
                    raise HospitalsError(f"hospital {name!r} could not compute its part: {_said(error)}") from error
            if not failed:
                return sent
            if attempt + 1 == most:
                name, why = next(iter(failed.items()))
                raise HospitalsError(f"hospital {name!r} did not answer: {_said(why)}") from why
        raise AssertionError("unreachable")

    def _session(self, invocation: int, attempt: int) -> Session:
        words = np.concatenate([self._run, np.array([invocation, attempt], np.uint32)])
        return Session(words.astype(np.uint32), self._roster)

    def _totals(self, form: RoundForm, sent: Sequence[WireValue]) -> list[np.ndarray]:
        if not form.rings:
            return []
        zeros_type = form.at_hospital.type_signature.result[2]
        if CHECK_RING.total([np.asarray(part.element(2).read(zeros_type)) for part in sent]).any():
            raise HospitalsError("the hospitals' masks did not cancel: let every hospital run hospital keys again.")
        _, _, types = form.finish.type_signature.parameter
        numbers = [masked_numbers(form, part) for part in sent]
        return [
            ring.total([own[place] for own in numbers]).astype(types[place].dtype)
            for place, ring in enumerate(form.rings)
        ]


def masked_numbers(form: RoundForm, sent: WireValue) -> list[np.ndarray]:
    """What a hospital has sent under masks: residues, one array for each of the form's rings."""
    types = form.at_hospital.type_signature.result[1]
    found = []
    for place, ring in enumerate(form.rings):
        parts = sent.element(1).element(place)
        found.append(ring.as_received([parts.element(k).read(own) for k, own in enumerate(types[place])]))
    return found


def _compute(
    context: WorkerContext, comp: tff.Computation, own: structure.Struct, told: WireValue, session: Session | None
) -> WireValue:
    parts = [own, told] if session is None else [own, told, session]
    with single_attempt(), unread_results():
        sent: WireValue = context.invoke(comp, structure.Struct.unnamed(*parts))
    return sent


def _is_lost(error: Exception) -> bool:
    """Whether a call ended with its connection, as when a heartbeat stayed out, and not by what it computed."""
    if isinstance(error, grpc.RpcError):
        return error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
    return isinstance(error, ValueError) and "closed channel" in str(error)


def _said(error: Exception) -> str:
    """What an assertion inside a hospital's graph said, or all there is."""
    text = error.details() if isinstance(error, grpc.RpcError) else str(error)
    asserted = re.search(r"assertion failed: \[(.*?)\]", text, re.DOTALL)
    return asserted[1].strip("\"'").replace("\\'", "'") if asserted else text


def _as_declared(value: Any, declared: tff.Type) -> Any:
    """A result in the Python containers that the computation's own type names."""
    nested = isinstance(value, structure.Struct) or tf.nest.is_nested(value)
    return type_conversions.type_to_py_container(
        structure.from_container(value, recursive=True) if nested else value, declared
    )


def _makers(comp: tff.Computation, values: Sequence[Any]) -> dict[int, tff.Computation]:
    """What makes clients' arguments in the hospitals, by the arguments' places."""
    parameter = comp.type_signature.parameter
    types = [parameter] if isinstance(parameter, tff.FederatedType) else list(parameter)
    makers = {}
    for place, (own, value) in enumerate(zip(types, values, strict=True)):
        if _at_clients(own) and isinstance(value, (list, tuple)):
            make = maker_of(value)
            if make is not None:
                makers[place] = make
    return makers


def _sent(value: Any) -> Any:
    return value.told if isinstance(value, AtHospital) else value


def _at_clients(part: tff.Type) -> bool:
    return isinstance(part, tff.FederatedType) and part.placement is tff.CLIENTS


def _count(value: Any) -> Any:
    return len(value) if isinstance(value, (list, tuple)) else "all"
