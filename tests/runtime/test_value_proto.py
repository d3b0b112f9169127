"""Values for a TFF worker: byte for byte what TFF's own serialisation gives."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from tff_health.runtime.context import tff  # which keeps TFF from starting a worker of its own
from tff_health.runtime.value_proto import write_value

import tensorflow as tf  # isort: skip (after the project has silenced it)
from tensorflow_federated.proto.v0 import executor_pb2  # isort: skip

ROW = np.arange(6, dtype=np.float32).reshape(2, 3)
STATE = tff.learning.models.ModelWeights(trainable=[ROW, ROW[0]], non_trainable=[np.int32(7)])
STATE_TYPE = tff.to_type(
    tff.learning.models.ModelWeights(
        trainable=[tff.TensorType(np.float32, [2, 3]), tff.TensorType(np.float32, [3])],
        non_trainable=[tff.TensorType(np.int32)],
    )
)
NESTED = OrderedDict(b=(1, (), 2.5), a=OrderedDict(text="x", state=STATE))
NESTED_TYPE = tff.to_type(
    OrderedDict(b=(np.int32, tff.StructType([]), np.float32), a=OrderedDict(text=np.str_, state=STATE_TYPE))
)


@pytest.mark.parametrize(
    ("value", "type_spec"),
    [
        (ROW, tff.TensorType(np.float32, [2, 3])),
        ((), tff.to_type(())),
        (STATE, STATE_TYPE),
        (NESTED, NESTED_TYPE),
        (STATE, tff.FederatedType(STATE_TYPE, tff.SERVER)),
        ([NESTED, NESTED], tff.FederatedType(NESTED_TYPE, tff.CLIENTS)),
        ([], tff.FederatedType(np.int32, tff.CLIENTS)),
        ((3.0, [1, 2]), tff.to_type((np.float32, tff.FederatedType(np.int32, tff.CLIENTS)))),
    ],
)
def test_it_is_what_tff_writes(value: Any, type_spec: tff.Type) -> None:
    expected, _ = tff.framework.serialize_value(value, type_spec)
    proto = executor_pb2.Value()
    write_value(proto, value, type_spec)
    assert proto == expected
    assert proto.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


def test_datasets_come_back() -> None:
    type_spec = tff.FederatedType(tff.SequenceType(np.int64), tff.CLIENTS)
    proto = executor_pb2.Value()
    write_value(proto, [tf.data.Dataset.range(3), tf.data.Dataset.range(1)], type_spec)
    found, _ = tff.framework.deserialize_value(proto, type_spec)
    assert [list(dataset.as_numpy_iterator()) for dataset in found] == [[0, 1, 2], [0]]


@pytest.mark.parametrize(
    ("value", "type_spec"),
    [
        ((1, 2), tff.to_type((np.int32,))),
        (ROW, tff.TensorType(np.float32, [3, 2])),
        (ROW, tff.TensorType(np.int32, [2, 3])),
        (7, tff.FederatedType(np.int32, tff.CLIENTS)),
    ],
)
def test_what_is_not_of_the_type_is_refused(value: Any, type_spec: tff.Type) -> None:
    with pytest.raises(TypeError):
        write_value(executor_pb2.Value(), value, type_spec)
