"""What an attacker is taken to know, and how finely."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.errors import SettingsError, UnknownNameError
from data.schema import Column, Schema
from tff_health.evaluation.anonymity.quasi_identifiers import equivalence_classes, quasi_identifiers

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 100), unit="years", quasi_identifier=True),
        Column("height", "continuous", bounds=(0, 3), unit="m"),
        Column("region", "categorical", codebook={1: "n", 2: "s", 3: "w"}, quasi_identifier=True),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)
FRAME = pd.DataFrame(
    {
        "age": [39.0, 40, 49, 50, np.nan],
        "height": [0.3, 0.29, 0.31, 0.3, -0.0],
        "region": [1, 2, 3, np.nan, 1],
        "ill": 0,
    }
)


def test_the_schema_names_them_and_years_come_in_tens():
    identifiers = quasi_identifiers(SCHEMA)
    assert identifiers.names == ("age", "region")
    assert identifiers.descriptions == {"age": "bands of 10 years", "region": "codes as they are"}
    keys = identifiers.keys(FRAME)
    assert keys[:4, 0].tolist() == [3, 4, 4, 5]
    assert keys[4, 0] not in (3, 4, 5)
    assert keys[:, 1].tolist() == [0, 1, 2, -1, 0]


def test_bands_hold_their_lower_end_in_spite_of_rounding():
    assert 0.3 // 0.1 == 2  # what floating point makes of it
    identifiers = quasi_identifiers(SCHEMA, ["height"], bands={"height": 0.1})
    assert identifiers.keys(FRAME)[:, 0].tolist() == [3, 2, 3, 3, 0]
    assert identifiers.descriptions == {"height": "bands of 0.1 m"}


def test_exact_values_are_equal_only_to_themselves():
    identifiers = quasi_identifiers(SCHEMA, ["height"])
    assert equivalence_classes(identifiers.keys(FRAME)).tolist() in ([2, 1, 3, 2, 0], [2, 1, 3, 2, 4])
    zero = identifiers.keys(pd.DataFrame({"height": [0.0]}))
    assert zero[0, 0] == identifiers.keys(FRAME)[4, 0]
    assert identifiers.descriptions == {"height": "exact values"}


def test_groups_join_codes():
    identifiers = quasi_identifiers(SCHEMA, ["region"], groups={"region": {1: "north", 2: "rest", 3: "rest"}})
    assert identifiers.keys(FRAME)[:, 0].tolist() == [0, 1, 1, -1, 0]
    assert identifiers.descriptions == {"region": "2 groups"}
    # A group may be called like a code that is not in it.
    partly = quasi_identifiers(SCHEMA, ["region"], groups={"region": {1: "3"}})
    assert len(set(partly.keys(FRAME)[:3, 0].tolist())) == 3


def test_classes_number_combinations():
    keys = np.array([[1, 2], [2, 1], [1, 2], [1, 1]])
    assert equivalence_classes(keys).tolist() == [1, 2, 1, 0]
    assert equivalence_classes(np.empty((3, 0), np.int64)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("names", "rules", "message"),
    [
        (["ill"], {}, "cannot be a quasi-identifier"),
        (["age"], {"bands": {"age": 0}}, "width above 0"),
        (["age"], {"bands": {"region": 2}}, "numeric column"),
        (["age"], {"groups": {"age": {1: "x"}}}, "coded column"),
        (["region"], {"groups": {"region": {9: "x"}}}, "codes of its codebook"),
    ],
)
def test_rules_that_do_not_fit(names, rules, message):
    with pytest.raises(SettingsError, match=message):
        quasi_identifiers(SCHEMA, names, **rules)


def test_unknown_columns():
    with pytest.raises(UnknownNameError, match="'region'"):
        quasi_identifiers(SCHEMA, ["regoin"])
