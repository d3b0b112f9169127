"""A TFF computation cut into what the coordinator computes and what every hospital computes.

TFF's own `MapReduceForm` does the cutting: before the broadcast (server), between broadcast and sums (clients), after
the sums (server). So the server's state, noise seeds included, never reaches a hospital, and nothing of a hospital but
its summands reaches the coordinator. Secure sums are separate in that form; here hospitals mask them, whatever factory
asked for them: TFF's own (`secure_aggregator`, `ddp_secure_aggregator`, ...), ours or a user's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_federated.python.common_libs import structure
from tensorflow_federated.python.core.backends.mapreduce.compiler import MapReduceFormCompilationError

from data.errors import SettingsError
from tff_health.runtime.at_hospital import with_makers
from tff_health.secure_aggregation.hospital_side import ATTEMPT_WORDS, ROSTER_WORDS, Session, masked
from tff_health.secure_aggregation.ring import Ring

SESSION_TYPE = tff.types.to_type(Session((np.uint32, [ATTEMPT_WORDS]), (np.uint32, [ROSTER_WORDS])))
_MOST_BITS = 62

# An assertion about a hospital's tensor.
_Check = Callable[[tf.Tensor], tf.Operation]
# From what a hospital is sent of its own to its elements of clients' arguments.
_Elements = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class RoundForm:
    """The parts of a computation, each a TFF computation without placements.

    Attributes:
        server_places: which of the computation's arguments are at the server.
        client_places: which are at the clients.
        prepare: of the server's arguments: what every hospital is told.
        at_hospital: of (what the hospital is sent of its own, what all are told) and, where there are secure sums, the
            `Session`: what it sends, <plain summand> or <plain summand, masked tensors, masked zeros>.
        finish: of (the server's arguments, every hospital's plain summand in their order, totals of secure sums): the
            computation's result.
        rings: in which the masked tensors are summed; empty without secure sums.
    """

    server_places: tuple[int, ...]
    client_places: tuple[int, ...]
    prepare: tff.Computation
    at_hospital: tff.Computation
    finish: tff.Computation
    rings: tuple[Ring, ...]


def round_form(
    comp: tff.Computation,
    hospitals: int,
    evaluate: Callable[[tff.Computation], Any],
    makers: Mapping[int, tff.Computation] = MappingProxyType({}),
) -> RoundForm:
    """Cuts a computation.

    Args:
        comp: of server- and client-placed arguments, with a server-placed result.
        hospitals: how many will compute.
        evaluate: computes one without arguments, for the bounds of secure sums.
        makers: of clients' arguments, by their place, that hospitals make themselves (see `AtHospital`).

    Raises:
        SettingsError: the computation has no such form, for instance as one sum depends on another.
    """
    server_places, client_places, form = _map_reduce_form(comp)
    bits, most, moduli = (
        evaluate(part)
        for part in (form.secure_sum_bitwidth, form.secure_sum_max_input, form.secure_modular_sum_modulus)
    )
    from_bits = structure.map_structure(
        lambda count: 2 ** min(int(count), _MOST_BITS) - 1, structure.from_container(bits, recursive=True)
    )
    _, *secure_types = form.work.type_signature.result
    rings: list[Ring] = []
    checks: list[_Check | None] = []
    for summand_type, limits, ring_of, check_of in (
        (secure_types[0], from_bits, _ring_for(hospitals), _at_most),
        (secure_types[1], most, _ring_for(hospitals), _at_most),
        (secure_types[2], moduli, Ring, lambda _: None),
    ):
        for limit in _limits_of_tensors(summand_type, limits):
            rings.append(ring_of(limit))
            checks.append(check_of(limit))
    own_type, elements = with_makers(
        comp, list(form.work.type_signature.parameter[0]), [makers.get(place) for place in client_places]
    )
    at_hospital = _masking(form, rings, checks, own_type, elements) if rings else _plain(form, own_type, elements)
    return RoundForm(server_places, client_places, form.prepare, at_hospital, _finish(form, hospitals), tuple(rings))


def _map_reduce_form(comp: tff.Computation) -> tuple[tuple[int, ...], tuple[int, ...], Any]:
    """TFF's form wants one argument at the server, which is also its first result, and one at the clients."""
    parameter = comp.type_signature.parameter
    single = isinstance(parameter, tff.FederatedType)
    if not single and not isinstance(parameter, tff.StructType):
        raise SettingsError(f"{comp.type_signature} takes nothing from hospitals: compute it without them.")
    types = [parameter] if single else list(parameter)
    if not all(isinstance(own, tff.FederatedType) for own in types):
        raise SettingsError(f"{comp.type_signature} has an argument that is neither at the server nor at the clients.")
    server = tuple(place for place, own in enumerate(types) if own.placement is tff.SERVER)
    clients = tuple(place for place in range(len(types)) if place not in server)
    at = {
        placement: tff.FederatedType(tff.StructType([(None, types[place].member) for place in places]), placement)
        for placement, places in ((tff.SERVER, server), (tff.CLIENTS, clients))
    }

    @tff.federated_computation(at[tff.SERVER], at[tff.CLIENTS])
    def cut(at_server: Any, at_clients: Any) -> Any:
        values = [
            at_server[server.index(place)] if place in server else at_clients[clients.index(place)]
            for place in range(len(types))
        ]
        result = comp(values[0]) if single else comp(*values)
        if not isinstance(result.type_signature, tff.FederatedType):
            result = tff.federated_zip(result)
        return at_server, result

    try:
        # TFF's optimiser of graphs is left out: it might compute at the coordinator what belongs to a hospital.
        options = tf.compat.v1.ConfigProto()
        options.graph_options.rewrite_options.disable_meta_optimizer = True
        return server, clients, tff.backends.mapreduce.get_map_reduce_form_for_computation(cut, options)
    except (TypeError, ValueError, MapReduceFormCompilationError) as error:
        raise SettingsError(
            "a computation cannot be cut into one part for hospitals and one for the coordinator, for instance as one "
            f"of its sums needs another one first: make two computations of it. TFF says: {error}"
        ) from error


def _plain(form: Any, own_type: tff.Type, elements: _Elements) -> tff.Computation:
    @tff.tensorflow.computation(own_type, form.work.type_signature.parameter[1])
    def at_hospital(own: Any, told: Any) -> Any:
        return [form.accumulate(form.zero(), form.work(elements(_values(own)), told)[0])]

    return at_hospital


def _masking(
    form: Any, rings: list[Ring], checks: list[_Check | None], own_type: tff.Type, elements: _Elements
) -> tff.Computation:
    @tff.tensorflow.computation(own_type, form.work.type_signature.parameter[1], SESSION_TYPE)
    def at_hospital(own: Any, told: Any, session: Any) -> Any:
        summand, *secure = form.work(elements(_values(own)), told)
        tensors = [tensor for part in secure for tensor in _leaves(part)]
        bounded = [check(tensor) for tensor, check in zip(tensors, checks, strict=True) if check is not None]
        with tf.control_dependencies(bounded):
            hidden, zeros = masked([tf.identity(tensor) for tensor in tensors], rings, session)
        sent = [ring.as_sent(tensor) for ring, tensor in zip(rings, hidden, strict=True)]
        return [form.accumulate(form.zero(), summand), sent, zeros]

    return at_hospital


def _finish(form: Any, hospitals: int) -> tff.Computation:
    server_type, (_, *total_types) = form.update.type_signature.parameter
    summand_type = form.accumulate.type_signature.result
    flat_types = [np_type for own in total_types for np_type in _leaves(own)]

    @tff.tensorflow.computation(server_type, [summand_type] * hospitals, flat_types)
    def finish(at_server: Any, summands: Any, totals: Any) -> Any:
        merged = summands[0]
        for summand in list(summands)[1:]:
            merged = form.merge(merged, summand)
        left = iter(list(totals))
        sums = [_packed(own, left) for own in total_types]
        return form.update(_struct(at_server), _struct([form.report(merged), *sums]))[1]

    return finish


def _ring_for(hospitals: int) -> Callable[[int], Ring]:
    """The smallest ring of a power of two that holds the sum of so many numbers up to a limit."""
    return lambda limit: Ring(2 ** max(1, (hospitals * limit).bit_length()))


def _at_most(limit: int) -> _Check:
    def check(tensor: tf.Tensor) -> tf.Operation:
        inside = tf.reduce_all((tensor >= 0) & (tf.cast(tensor, tf.int64) <= limit))
        return tf.debugging.Assert(inside, [f"a hospital's number is not between 0 and {limit}, as a secure sum asks"])

    return check


def _limits_of_tensors(types: Any, limits: Any) -> list[int]:
    """A public number for each tensor: `limits` has for each sum one number, or one a tensor."""
    numbers = []
    for own, limit in zip(types, structure.from_container(limits), strict=True):
        tensors, given = _leaves(own), _leaves(limit)
        numbers += [int(x) for x in (given * len(tensors) if len(given) == 1 else given)]
    return numbers


def _values(own: Any) -> list[Any]:
    """Elements of a structure without names, as TFF gives it inside a computation."""
    return [value for _, value in structure.iter_elements(structure.from_container(own))]


def _leaves(value: Any) -> list[Any]:
    """Tensors of a structure, or tensor types of a structure's type, in their order."""
    if not _is_structure(value):
        return [value]
    return structure.flatten(_struct(value))


def _packed(value_type: Any, leaves: Any) -> Any:
    if not _is_structure(value_type):
        return next(leaves)
    return structure.Struct([(name, _packed(own, leaves)) for name, own in structure.iter_elements(value_type)])


def _struct(value: Any) -> Any:
    return structure.from_container(value, recursive=True) if _is_structure(value) else value


def _is_structure(value: Any) -> bool:
    return isinstance(value, structure.Struct) or tf.nest.is_nested(value)
