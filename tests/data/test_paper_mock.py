import numpy as np
import pandas as pd
import pytest

from data.errors import SettingsError
from data.paper_mock import SCHEMA, load


def test_five_hospitals_of_a_hundred_rows_train_and_five_others_score():
    federation = load({}, data_dir=None, seed=0).require_trainable()
    assert [(h.name, len(h.train), len(h.test)) for h in federation.hospitals] == [
        *((f"hospital {number}", 100, 0) for number in range(1, 6)),
        *((f"held-out {number}", 0, 100) for number in range(1, 6)),
    ]
    assert federation.kind == "simulated"


def test_the_papers_rule_holds_in_single_precision():
    federation = load({"rows": 20_000}, data_dir=None, seed=3)
    for hospital in federation.hospitals:
        frame = pd.concat([hospital.train, hospital.test])
        x = frame["x"].to_numpy()
        np.testing.assert_array_equal(x, x.astype(np.float32))
        np.testing.assert_array_equal(federation.labels(frame), x.astype(np.float32) > np.float32(0.5))
        assert SCHEMA.check(frame, hospital.name).equals(frame.reset_index(drop=True))


def test_x_is_uniform():
    x = np.sort(load({"hospitals": 1, "rows": 50_000}, data_dir=None, seed=1).hospitals[0].train["x"])
    # Kolmogorov-Smirnov: 1.95 / sqrt(n) is passed once in a thousand draws.
    assert np.abs(x - np.arange(50_000) / 50_000).max() < 1.95 / np.sqrt(50_000)


def test_no_two_hospitals_share_rows_and_seeds_repeat():
    def rows(seed: int, **settings: int) -> list[bytes]:
        federation = load(settings, data_dir=None, seed=seed)
        return [pd.concat([h.train, h.test])["x"].to_numpy().tobytes() for h in federation.hospitals]

    assert len(set(rows(0))) == 10
    assert rows(0) == rows(0)
    assert not set(rows(0)) & set(rows(1))
    assert rows(0, split_seed=1) == rows(1)
    # More hospitals leave the first ones as they are.
    assert rows(0, hospitals=7)[:5] == rows(0)[:5]


def test_sizes_can_be_set():
    federation = load({"hospitals": 2, "rows": 7, "held_out": 1, "held_out_rows": 3}, data_dir=None, seed=0)
    assert [(len(h.train), len(h.test)) for h in federation.hospitals] == [(7, 0), (7, 0), (0, 3)]
    assert len(load({"held_out": 0}, data_dir=None, seed=0).scored) == 0


def test_settings_are_checked():
    with pytest.raises(SettingsError, match="rows must be"):
        load({"rows": 0}, data_dir=None, seed=0)
