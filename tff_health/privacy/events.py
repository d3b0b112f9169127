"""Privacy events as plain JSON and back, so that a ledger outlives the process that wrote it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from data.errors import SettingsError
from tff_health.aggregators.rdp_curve import RdpCurve
from tff_health.privacy.composition import Event

_KINDS = {
    "no-op": ("NoOpDpEvent", ()),
    "non-private": ("NonPrivateDpEvent", ()),
    "gaussian": ("GaussianDpEvent", ("noise_multiplier",)),
    "laplace": ("LaplaceDpEvent", ("noise_multiplier",)),
    "poisson-sampled": ("PoissonSampledDpEvent", ("sampling_probability", "event")),
    "self-composed": ("SelfComposedDpEvent", ("event", "count")),
    "composed": ("ComposedDpEvent", ("events",)),
    "single-epoch-tree": ("SingleEpochTreeAggregationDpEvent", ("noise_multiplier", "step_counts")),
}


def encode_event(event: Event) -> dict[str, Any]:
    """The event as plain JSON values; `decode_event` gives an equal event back.

    Raises:
        SettingsError: an event of a kind that the ledger does not know.
    """
    if isinstance(event, RdpCurve):
        return {
            "kind": "rdp-curve",
            "orders": [float(order) for order in event.orders],
            # JSON has no infinity.
            "epsilons": [None if math.isinf(value) else float(value) for value in event.epsilons],
        }
    name = type(event).__name__
    for kind, (class_name, fields) in _KINDS.items():
        if name == class_name:
            return {"kind": kind} | {field: _encoded(getattr(event, field)) for field in fields}
    raise SettingsError(f"privacy: the ledger cannot keep an event of kind {name}; known are {', '.join(_KINDS)}.")


def decode_event(document: Mapping[str, Any]) -> Event:
    """The event that `encode_event` wrote.

    Raises:
        SettingsError: not such a document.
    """
    kind = document.get("kind")
    if kind == "rdp-curve":
        epsilons = tuple(math.inf if value is None else value for value in document["epsilons"])
        return RdpCurve(tuple(document["orders"]), epsilons)
    if kind not in _KINDS:
        raise SettingsError(f"privacy: {kind!r} is no kind of privacy event; known are {', '.join(_KINDS)}.")
    import dp_accounting

    class_name, fields = _KINDS[str(kind)]
    event: Event = getattr(dp_accounting, class_name)(**{field: _decoded(document[field]) for field in fields})
    return event


def _encoded(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else encode_event(value)


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return decode_event(value) if isinstance(value, Mapping) else value
