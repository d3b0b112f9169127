"""Values as the protocol buffers that a TFF worker takes, built in place."""

from __future__ import annotations

from typing import Any

import tensorflow_federated as tff
from tensorflow_federated.proto.v0 import executor_pb2
from tensorflow_federated.python.core.impl.executors import value_serialization
from tensorflow_federated.python.core.impl.types import type_serialization


class WireValue(tff.framework.CardinalityCarrying):
    """A value as a worker sent it, to be sent on to others as it is: tensors are neither read nor written.

    Args:
        proto: of the value, which is without clients.
    """

    def __init__(self, proto: executor_pb2.Value) -> None:
        self.proto = proto

    @property
    def cardinality(self) -> dict[Any, int]:
        """None: it is nobody's at the clients."""
        return {}

    def element(self, place: int) -> WireValue:
        """An element of a structure."""
        return WireValue(self.proto.struct.element[place].value)

    def read(self, type_spec: tff.Type) -> Any:
        """The value, in TFF's own structures of NumPy arrays."""
        value, _ = value_serialization.deserialize_value(self.proto, type_spec)
        return value


def write_value(proto: executor_pb2.Value, value: Any, type_spec: tff.Type) -> None:
    """Writes into an empty `proto` what TFF's own serialisation gives.

    That one copies every tensor once for each level of nesting above it.

    Raises:
        TypeError: the value is not of the type.
    """
    if isinstance(value, WireValue):
        proto.CopyFrom(value.proto)
    elif isinstance(type_spec, tff.FederatedType):
        members = [value] if type_spec.all_equal else value
        if not isinstance(members, list):
            raise TypeError(f"a value of type {type_spec} must be a list, not {type(members).__name__}")
        for member in members:
            write_value(proto.federated.value.add(), member, type_spec.member)
        proto.federated.type.CopyFrom(type_serialization.serialize_type(type_spec).federated)
    elif isinstance(type_spec, tff.StructType):
        elements = [element for _, element in tff.structure.to_elements(tff.structure.from_container(value))]
        if len(elements) != len(type_spec):
            raise TypeError(f"a value of {len(elements)} elements is not of type {type_spec}")
        proto.struct.SetInParent()  # an empty structure is one, too
        for (name, element_type), element in zip(tff.structure.to_elements(type_spec), elements, strict=True):
            slot = proto.struct.element.add()
            if name:
                slot.name = name
            write_value(slot.value, element, element_type)
    else:
        leaf, _ = value_serialization.serialize_value(value, type_spec)
        proto.MergeFrom(leaf)
