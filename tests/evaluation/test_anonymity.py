"""k-anonymity, k-map, l-diversity and t-closeness: the values their authors publish, and small cases by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError, SettingsError
from data.schema import Column, Schema
from tff_health.evaluation.anonymity.closeness import equal_distance, ordered_distance, t_closeness
from tff_health.evaluation.anonymity.diversity import (
    class_counts,
    distinct_diversity,
    entropy_diversity,
    recursive_diversity,
)
from tff_health.evaluation.anonymity.k_anonymity import k_anonymity, k_map, share_in_small_classes
from tff_health.evaluation.anonymity.metrics import DESCRIPTIONS, anonymity_metrics
from tff_health.evaluation.anonymity.quasi_identifiers import equivalence_classes, quasi_identifiers

DISEASES = {"h": "heart disease", "v": "viral infection", "c": "cancer"}
SCHEMA = Schema(
    (
        Column("zip", "integer", bounds=(10000, 20000), quasi_identifier=True),
        Column("age", "integer", bounds=(0, 120), unit="years", quasi_identifier=True),
        Column("disease", "categorical", codebook=DISEASES),
        Column("salary", "continuous", bounds=(0, 100)),
        Column("ill", "binary", codebook={0: "no", 1: "yes"}),
    ),
    target="ill",
)
# The inpatient table of Machanavajjhala et al. 2007, figure 1.
INPATIENTS = pd.DataFrame(
    {
        "zip": [13053, 13068, 13068, 13053, 14853, 14853, 14850, 14850, 13053, 13053, 13068, 13068],
        "age": [28, 29, 21, 23, 50, 55, 47, 49, 31, 37, 36, 35],
        "disease": list("hhvvchvvcccc"),
        "salary": np.nan,
        "ill": 1,
    }
)


def inpatient_metrics(names, bands, **settings):
    identifiers = quasi_identifiers(SCHEMA, names, bands=bands)
    return anonymity_metrics(INPATIENTS, SCHEMA, identifiers=identifiers, sensitive="disease", **settings)


def test_the_four_anonymous_table_is_not_diverse():
    values = inpatient_metrics(("zip", "age"), {"zip": 100, "age": 30})
    assert values["anonymity/k"] == 4
    assert values["anonymity/classes"] == 3
    assert values["anonymity/unique_share"] == 0
    assert values["anonymity/small_class_share"] == 1
    assert values["anonymity/l_distinct"] == 1  # everyone of the 130** in their thirties has cancer
    assert values["anonymity/l_entropy"] == pytest.approx(1)
    assert values["anonymity/l_recursive"] == 1
    assert values["anonymity/t"] == pytest.approx(7 / 12)  # 5 of 12 have cancer, 4 of 4 in that class


@pytest.mark.parametrize(("c", "recursive"), [(0.5, 0), (1, 1), (2, 2), (2.01, 3), (3, 3)])
def test_the_three_diverse_table_is_three_diverse(c, recursive):
    values = inpatient_metrics(("zip",), {"zip": 10}, c=c)
    assert values["anonymity/k"] == 4
    assert values["anonymity/l_distinct"] == 3
    assert values["anonymity/l_entropy"] == pytest.approx(2 * np.sqrt(2))  # shares 1/2, 1/4, 1/4
    assert values["anonymity/l_recursive"] == recursive  # 2 < c (1 + ...)


def test_published_ordered_distances():
    everyone = np.full(9, 1 / 9)  # salaries of 3k to 11k, Li et al. 2007
    low, mixed = np.zeros((2, 9))
    low[[0, 1, 2]] = mixed[[3, 5, 8]] = 1 / 3
    assert ordered_distance(low, everyone) == pytest.approx(0.375)
    assert ordered_distance(mixed, everyone) == pytest.approx(1 / 6)
    assert equal_distance(low, everyone) == pytest.approx(2 / 3)
    assert ordered_distance(np.ones(1), np.ones(1)) == 0


def test_published_closeness_of_a_table():
    salaries = [3, 5, 9, 6, 11, 8, 4, 7, 10]  # Li et al. 2007, table 5: .167-closeness with respect to the salary
    frame = INPATIENTS.head(9).assign(salary=salaries, zip=np.repeat([11000, 12000, 13000], 3))
    identifiers = quasi_identifiers(SCHEMA, ["zip"])
    values = anonymity_metrics(frame, SCHEMA, identifiers=identifiers, sensitive="salary")
    assert values["anonymity/t"] == pytest.approx(1 / 6)
    assert values["anonymity/l_distinct"] == 3
    coded = anonymity_metrics(
        frame.assign(disease=["h", "h", "h", *"vvcvvc"]), SCHEMA, identifiers=identifiers, sensitive="disease"
    )
    assert coded["anonymity/t"] == pytest.approx(1 - 3 / 9)  # equal distance


def test_k_map_counts_people_of_the_population():
    released = np.array([[1, 0], [1, 0], [2, 0], [3, 3]])
    population = np.array([[1, 0], *[[2, 0]] * 5, [1, 0], [1, 0], [9, 9]])
    found = k_map(released, population)
    assert (found.k, found.unmatched_share) == (3, 0.25)
    nobody = k_map(released, population[-1:])
    assert (nobody.k, nobody.unmatched_share) == (None, 1.0)
    # k-anonymity looks at the released table, k-map at the population.
    assert k_anonymity(equivalence_classes(released)) == 1
    assert share_in_small_classes(equivalence_classes(released), 2) == 0.5


def test_diversity_by_hand():
    counts = class_counts(np.array([7, 7, 7, 7, 2, 2]), np.array([0, 0, 0, 1, 1, 2]))
    np.testing.assert_array_equal(counts, [[0, 1, 1], [3, 1, 0]])
    assert distinct_diversity(counts) == 2
    assert entropy_diversity(counts) == pytest.approx(4 / 3**0.75)  # exp(-(3/4 ln 3/4 + 1/4 ln 1/4))
    assert recursive_diversity(counts, 3) == 1  # 3 < 3 * 1 does not hold
    assert recursive_diversity(counts, 3.1) == 2
    assert t_closeness(counts, ordered=False) == pytest.approx(0.5)  # (0, 1/2, 1/2) against (3, 2, 1) / 6
    assert t_closeness(counts, ordered=True) == pytest.approx((1 / 2 + 1 / 3) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_classes_equal_those_of_pandas(seed):
    rng = np.random.default_rng(seed)
    frame = pd.concat([INPATIENTS] * 10).sample(90, random_state=seed).reset_index(drop=True)
    frame["age"] = rng.integers(20, 60, 90).astype(float)
    frame.loc[rng.random(90) < 0.1, "age"] = np.nan
    frame["disease"] = rng.choice(list("hvc"), 90)
    identifiers = quasi_identifiers(SCHEMA, bands={"zip": 100})
    values = anonymity_metrics(frame, SCHEMA, identifiers=identifiers, sensitive="disease")
    classes = frame.groupby([frame["zip"] // 100, frame["age"] // 10], dropna=False)
    assert values["anonymity/k"] == classes.size().min()
    assert values["anonymity/classes"] == classes.ngroups
    assert values["anonymity/unique_share"] == (classes.size() == 1).sum() / 90
    assert values["anonymity/l_distinct"] == classes["disease"].nunique().min()
    overall = frame["disease"].value_counts(normalize=True)
    within = classes["disease"].value_counts(normalize=True).unstack(fill_value=0)
    assert values["anonymity/t"] == pytest.approx((within - overall).abs().sum(axis=1).max() / 2)


def test_missing_sensitive_values_are_no_diversity():
    frame = INPATIENTS.assign(disease=["h", np.nan, np.nan, *"vvvvvvvvv"])
    identifiers = quasi_identifiers(SCHEMA, ["zip"], bands={"zip": 10})
    values = anonymity_metrics(frame, SCHEMA, identifiers=identifiers, sensitive="disease")
    assert values["anonymity/k"] == 4
    assert values["anonymity/l_distinct"] == 1
    blank = anonymity_metrics(INPATIENTS, SCHEMA, identifiers=identifiers, sensitive="salary")
    assert blank["anonymity/k"] == 4
    assert blank["anonymity/l_distinct"] is None
    assert blank["anonymity/t"] is None


def test_population_and_target_are_used():
    values = anonymity_metrics(INPATIENTS, SCHEMA, population=pd.concat([INPATIENTS.tail(9)] * 2))
    assert set(values) == set(DESCRIPTIONS)
    assert values["anonymity/k"] == 2  # by zip code and decade
    assert values["anonymity/k_map"] == 2  # 13053 in the twenties: one of the two, twice
    assert values["anonymity/k_map_unmatched"] == 2 / 12  # 13068 in the twenties
    assert values["anonymity/l_distinct"] == 1  # everybody is ill
    assert values["anonymity/t"] == 0


def test_without_quasi_identifiers_nothing_is_defined():
    identifiers = quasi_identifiers(SCHEMA, [])
    assert set(anonymity_metrics(INPATIENTS, SCHEMA, identifiers=identifiers).values()) == {None}


def test_what_cannot_be_computed_is_said():
    with pytest.raises(DataError, match="no rows"):
        anonymity_metrics(INPATIENTS.head(0), SCHEMA)
    with pytest.raises(SettingsError, match="'age'"):
        anonymity_metrics(INPATIENTS, SCHEMA, sensitive="age")
    with pytest.raises(SettingsError, match="'height'"):
        anonymity_metrics(INPATIENTS, SCHEMA, sensitive="height")
    with pytest.raises(SettingsError, match="c above 0"):
        anonymity_metrics(INPATIENTS, SCHEMA, c=0)
