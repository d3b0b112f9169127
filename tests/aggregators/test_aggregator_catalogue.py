"""Names, parameters and their ranges."""

import pytest
import tensorflow_federated as tff

from data.errors import SettingsError, UnknownNameError, WrongKindError
from tff_health.aggregators.catalogue import (
    CATALOGUE,
    build_aggregator,
    check_aggregator_name,
    resolve_aggregator,
)
from tff_health.aggregators.hospital_dp import MECHANISMS


def test_every_mechanism_has_an_entry():
    assert {entry.private for entry in CATALOGUE.values()} == {None, *MECHANISMS}
    assert {name for name, entry in CATALOGUE.items() if entry.private} == {f"hospital-{name}" for name in MECHANISMS}


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if not entry.required])
def test_names_without_parameters(name):
    check_aggregator_name(name)
    factory = resolve_aggregator(name)
    assert isinstance(factory, tff.aggregators.WeightedAggregationFactory) == CATALOGUE[name].weighted


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.required])
def test_names_with_parameters(name):
    for lookup in (check_aggregator_name, resolve_aggregator):
        with pytest.raises(SettingsError, match=r"cannot go by its name alone.*hospitals: "):
            lookup(name)
    numbers = {"hospitals": 20, "bound": 1.0, "clip": 1.0, "noise_multiplier": 1.0, "rounds": 2}
    given = {key: value for key, value in numbers.items() if key in CATALOGUE[name].parameters}
    assert isinstance(build_aggregator(name, **given), tff.aggregators.UnweightedAggregationFactory)
    with pytest.raises(SettingsError, match="lacks"):
        build_aggregator(name, **{key: value for key, value in given.items() if key != "hospitals"})
    with pytest.raises(UnknownNameError, match="did you mean 'hospitals'"):
        build_aggregator(name, **given, hospital=3)


def test_unknown_names_and_wrong_kinds():
    with pytest.raises(UnknownNameError, match="did you mean 'secure-mean'"):
        check_aggregator_name("secure-men")
    with pytest.raises(UnknownNameError):
        build_aggregator("nothing-like-it")
    with pytest.raises(WrongKindError):
        resolve_aggregator(3)  # type: ignore[arg-type]
