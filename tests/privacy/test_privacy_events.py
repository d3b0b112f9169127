"""Events survive being written down: equal events, equal epsilons."""

from __future__ import annotations

import json
import math

import dp_accounting as dp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SettingsError
from tff_health.aggregators.rdp_curve import RdpCurve
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.events import decode_event, encode_event

numbers = st.floats(0.01, 1e6)
leaves = st.one_of(
    st.just(dp.NoOpDpEvent()),
    st.just(dp.NonPrivateDpEvent()),
    numbers.map(dp.GaussianDpEvent),
    numbers.map(dp.LaplaceDpEvent),
    st.builds(dp.SingleEpochTreeAggregationDpEvent, numbers, st.lists(st.integers(1, 99), min_size=1, max_size=3)),
    st.builds(dp.SingleEpochTreeAggregationDpEvent, numbers, st.integers(1, 99)),
    st.just(RdpCurve((1.5, 2.0, 4.0), (0.1, 0.25, math.inf))),
)
events = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(dp.SelfComposedDpEvent, inner, st.integers(0, 1000)),
        st.builds(dp.PoissonSampledDpEvent, st.floats(0, 1), numbers.map(dp.GaussianDpEvent)),
        st.lists(inner, max_size=3).map(dp.ComposedDpEvent),
    ),
    max_leaves=8,
)


@given(events)
def test_round_trip_through_json(event):
    assert decode_event(json.loads(json.dumps(encode_event(event), allow_nan=False))) == event


def test_numpy_numbers_are_taken():
    event = dp.SelfComposedDpEvent(dp.GaussianDpEvent(np.float32(1.5)), np.int64(3))
    again = decode_event(json.loads(json.dumps(encode_event(event))))
    assert again == dp.SelfComposedDpEvent(dp.GaussianDpEvent(1.5), 3)
    assert epsilon(again, 1e-5) == epsilon(event, 1e-5)


def test_unknown_kinds_are_refused():
    with pytest.raises(SettingsError, match="UnsupportedDpEvent"):
        encode_event(dp.UnsupportedDpEvent())
    with pytest.raises(SettingsError, match="'magic'"):
        decode_event({"kind": "magic"})
