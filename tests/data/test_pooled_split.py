"""Held-out rows drawn before rows are dealt: the very rows that scikit-learn's split holds out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from data.catalogue import load_dataset, validate_settings
from data.errors import SettingsError
from data.hospitals import iid
from data.pooled_split import pooled_split_hospitals

OPTIONS = {
    "protocol": "all_features",
    "hospitals": ["cleveland"],
    "partition": "iid",
    "simulated_hospitals": 5,
    "split": "pooled",
    "test_fraction": 0.2,
}


def test_the_held_out_rows_are_scikit_learns():
    labels = np.arange(100) % 2
    frame = pd.DataFrame({"row": np.arange(100)})
    hospitals = pooled_split_hospitals(frame, labels, lambda own: iid(own, 4, 1), 0.25, seed=3)
    train, test = train_test_split(np.arange(100), test_size=0.25, random_state=3, stratify=labels)
    assert sorted(row for h in hospitals for row in h.train["row"]) == sorted(train)
    assert sorted(row for h in hospitals for row in h.test["row"]) == sorted(test)
    assert [len(h.train) for h in hospitals] == [19, 19, 19, 18]


def test_cleveland_is_split_as_one_table_and_dealt(real_data):
    federation = load_dataset("heart_disease", {**OPTIONS, "split_seed": 0}, data_dir=real_data, seed=9)
    assert sum(len(h.train) for h in federation.members) == 242
    assert sum(len(h.test) for h in federation.scored) == 61
    other = load_dataset("heart_disease", {**OPTIONS, "split_seed": 1}, data_dir=real_data, seed=9)
    assert not federation.hospitals[0].test.equals(other.hospitals[0].test)
    assert "all rows held out" in federation.protocol


@pytest.mark.parametrize("fraction", [0.003, 0.999])
def test_a_fraction_that_leaves_a_part_without_a_class_is_refused(fraction):
    labels = np.arange(303) % 2
    frame = pd.DataFrame({"row": np.arange(303)})
    with pytest.raises(SettingsError, match=f"test_fraction = {fraction} cannot divide 303 rows"):
        pooled_split_hospitals(frame, labels, lambda own: iid(own, 4, 1), fraction, seed=3)


def test_natural_hospitals_hold_out_their_own():
    with pytest.raises(SettingsError, match="split pooled needs a partition"):
        validate_settings("heart_disease", {"split": "pooled"})
