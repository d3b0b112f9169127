"""A client's argument that is made in the hospital, from its own files, in place of a value that is sent there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow_federated as tff

from data.errors import SettingsError


@dataclass(frozen=True, eq=False)
class AtHospital:
    """What a hospital's worker computes to get its element of a client-placed argument.

    A computation takes it wherever it takes a hospital's value, so that learning processes need not know where rows
    are: `process.next(state, [AtHospital(batches, order), ...])`.

    Attributes:
        make: of one argument; its result is the value. It reads files by names relative to the hospital's folder. All
            hospitals, and all rounds, share one `make`: the first call compiles it with the computation.
        told: that argument, which the coordinator sends.
        rows: how many rows of patients it makes, as the hospital says.
    """

    make: tff.Computation
    told: Any
    rows: int = 0

    def __len__(self) -> int:
        return self.rows


def are_apart(values: Sequence[Any]) -> bool:
    """Whether hospitals make these elements themselves."""
    return any(isinstance(value, AtHospital) for value in values)


def maker_of(values: Sequence[Any]) -> tff.Computation | None:
    """The computation that makes these clients' elements, None where they are values.

    Raises:
        SettingsError: some are made and others sent, or they are made in different ways.
    """
    made = [value for value in values if isinstance(value, AtHospital)]
    if not made:
        return None
    if len(made) < len(values) or any(value.make is not made[0].make for value in made):
        raise SettingsError("one argument of all hospitals is made by one computation: give each the same `make`.")
    return made[0].make


def with_makers(
    work: tff.Computation, own_types: Sequence[tff.Type], makers: Sequence[tff.Computation | None]
) -> tuple[tff.Type, Any]:
    """How a hospital's elements of all arguments come about.

    Args:
        work: for messages: what they are needed for.
        own_types: of the elements.
        makers: of each, None for what is sent.

    Returns:
        The type of what the coordinator sends, and a function from that to the elements, to be called in a TensorFlow
        computation.

    Raises:
        SettingsError: a maker makes something of another type.
    """
    sent = []
    for own, make in zip(own_types, makers, strict=True):
        if make is None:
            sent.append(own)
            continue
        if make.type_signature.parameter is None or not own.is_assignable_from(make.type_signature.result):
            raise SettingsError(
                f"{work.type_signature} needs {own} of every hospital, but what is computed there is "
                f"{make.type_signature}."
            )
        sent.append(make.type_signature.parameter)

    def elements(given: Sequence[Any]) -> list[Any]:
        return [value if make is None else make(value) for value, make in zip(given, makers, strict=True)]

    return tff.StructType([(None, own) for own in sent]), elements
