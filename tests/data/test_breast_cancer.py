import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from data.breast_cancer import SCHEMA, load, read_patients
from data.errors import SettingsError


def test_rows_are_scikit_learns_with_malignant_as_the_positive_class():
    frame = read_patients()
    bunch = load_breast_cancer()
    assert list(frame.columns) == [*bunch.feature_names, "diagnosis"]
    np.testing.assert_array_equal(frame[bunch.feature_names].to_numpy(), bunch.data)
    assert bunch.target_names[0] == "malignant"
    np.testing.assert_array_equal(frame["diagnosis"].to_numpy(int), bunch.target == 0)
    assert (frame["diagnosis"] == 1).sum() == 212
    assert SCHEMA.positive_label == "malignant"


def test_bounds_contain_the_data_without_being_its_extremes():
    frame = read_patients()
    for column in SCHEMA.features:
        assert column.bounds is not None
        highest = frame[column.name].max()
        assert column.bounds[0] == 0
        assert 1.15 * highest < column.bounds[1] < 2.6 * highest, column.name


def test_default_is_five_skewed_hospitals_with_both_classes():
    for seed in range(20):
        federation = load({}, data_dir=None, seed=seed).require_trainable()
        assert len(federation.members) == len(federation.scored) == 5
        everyone = pd.concat([frame for h in federation.hospitals for frame in (h.train, h.test)])
        assert sorted(everyone["mean area"]) == sorted(read_patients()["mean area"])
        for hospital in federation.hospitals:
            rows = len(hospital.train) + len(hospital.test)
            assert rows >= 20
            assert set(federation.labels(hospital.train)) == set(federation.labels(hospital.test)) == {0, 1}
            assert len(hospital.test) / rows == pytest.approx(0.25, abs=1.01 / rows)


def test_dirichlet_is_skewed_and_iid_is_not():
    def spread(**settings: object) -> float:
        federation = load(settings, data_dir=None, seed=0)
        return float(np.std([federation.labels(h.train).mean() for h in federation.hospitals]))

    assert spread(partition="iid") < 0.1 < 0.2 < spread()
    assert spread(alpha=1000) < 0.1
    assert spread(partition="size_skew") < 0.05


def test_seeds_repeat_and_differ():
    first, again, other = (load({}, data_dir=None, seed=seed) for seed in (1, 1, 2))
    assert all(a.test.equals(b.test) for a, b in zip(first.hospitals, again.hospitals, strict=True))
    assert not first.hospitals[0].test.equals(other.hospitals[0].test)
    assert load({"split_seed": 1}, data_dir=None, seed=2).hospitals[0].test.equals(first.hospitals[0].test)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hospitals": 29}, "29 hospitals of at least 20 rows need 580 rows, and there are 569"),
        ({"hospitals": 54, "min_rows": 2}, "class 1 is too rare for 54 hospitals: each needs 4"),
        ({"hospitals": 600, "min_rows": 2}, "need 1,200 rows"),
    ],
)
def test_more_than_the_rows_can_give_is_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        load(settings, data_dir=None, seed=0)
    assert len(load({"hospitals": 28}, data_dir=None, seed=0).require_trainable().members) == 28


def test_hospitals_of_one_class_may_train_together():
    federation = load({"partition": "one_class"}, data_dir=None, seed=1).require_trainable()
    assert [len(set(federation.labels(hospital.train))) for hospital in federation.hospitals] == [1] * 5
    assert "all of one class" in federation.protocol
    assert "alpha" not in federation.protocol
