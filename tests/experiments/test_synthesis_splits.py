"""Splits that differ: every dataset takes `split_seed`, and says so before anything starts where it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data.catalogue import load_dataset
from data.errors import DataError, SettingsError
from data.federation import Federation
from tff_health.experiments.kinds import check_dataset
from tff_health.experiments.run import run_experiment
from tff_health.experiments.synthesis.fitting import training_matrices
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.experiments.synthesis.splits import fingerprint, load_split, split_seed

OPTIONS = {"hospitals": 3, "partition": "iid", "test_fraction": 0.2}


@dataclass
class Known:
    """What a user's loader may know: anything else raises a TypeError."""

    test_fraction: float = 0.2


def ignoring(settings: Any, *, data_dir: Path | None, seed: int) -> Federation:
    return load_dataset("breast_cancer", OPTIONS, seed=seed)


def refusing(settings: Any, *, data_dir: Path | None, seed: int) -> Federation:
    return load_dataset("breast_cancer", {**OPTIONS, "test_fraction": Known(**settings).test_fraction}, seed=seed)


def of_two(settings: Any, *, data_dir: Path | None, seed: int) -> Federation:
    return load_dataset("breast_cancer", {**OPTIONS, "split_seed": settings["split_seed"] % 2}, seed=seed)


def hidden(settings: Any, *, data_dir: Path | None, seed: int) -> Federation:
    raise DataError("ward.csv is not there; put it there.")


def settings(source: str, options: dict[str, Any] | None = None, splits: int = 3) -> SynthesisSettings:
    arms = {"histograms": {"method": "label-histograms"}}
    task = {"source": source, "options": options or {}, "arms": arms, "splits": splits}
    return SynthesisSettings.model_validate(
        {"kind": "synthesis", "experiment": "x", "title": "x", "seed": 5, "datasets": {"mine": task}}
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("refusing", r"mine: datasets of a synthesis experiment must take the option split_seed.*refuses it"),
        ("ignoring", r"mine: splits 1 and 2 have the same training patients.*split_seed \(here 5 and 6\).*splits = 1"),
        ("of_two", r"splits 1 and 3 have the same.*\(here 5 and 7\).*splits = 2"),
    ],
)
def test_loaders_without_a_split_seed_are_told_before_a_folder_is_made(source, words, tmp_path):
    with pytest.raises(SettingsError, match=words):
        run_experiment(settings(f"{__name__}:{source}"), tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_other_faults_keep_their_own_words():
    with pytest.raises(DataError, match=r"ward\.csv"):
        check_dataset(settings(f"{__name__}:hidden"), "mine")
    with pytest.raises(SettingsError, match="did you mean 'partition'"):
        check_dataset(settings("breast_cancer", {"partitoin": "iid"}), "mine")


def test_the_check_loads_what_the_run_loads():
    check_dataset(settings("breast_cancer", OPTIONS), "mine")
    # 2**32 - 1 is a seed, but the third split's would be none.
    for wrong in (2**32 - 2, -1, "first", True):
        with pytest.raises(SettingsError, match="split_seed"):
            check_dataset(settings("breast_cancer", {**OPTIONS, "split_seed": wrong}), "mine")


def test_one_split_needs_no_other():
    check_dataset(settings(f"{__name__}:ignoring", splits=1), "mine")


def test_splits_count_on_from_the_first():
    chosen = settings("breast_cancer", OPTIONS)
    assert [split_seed(chosen, "mine", split) for split in range(3)] == [5, 6, 7]
    first = load_split(chosen, "mine", 0, data_dir=None)
    assert first.hospitals[0].train.equals(load_dataset("breast_cancer", OPTIONS, seed=5).hospitals[0].train)
    given = settings("breast_cancer", {**OPTIONS, "split_seed": 0})
    assert [split_seed(given, "mine", split) for split in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, 43),
        ({"protocol": "flamby"}, 43),
        ({"protocol": "flamby", "split_seed": 8}, 8),
        ({"protocol": "all_features"}, 5),
    ],
)
def test_flambys_protocol_begins_with_its_own_split(options, first):
    assert split_seed(settings("heart_disease", options), "mine", 0) == first


def test_flambys_first_split_is_flambys(real_data):
    chosen = settings("heart_disease", {"protocol": "flamby"}, splits=2)
    federation = load_split(chosen, "mine", 0, data_dir=real_data)
    published = load_dataset("heart_disease", {"protocol": "flamby"}, data_dir=real_data, seed=5)
    assert federation.protocol == published.protocol
    for ours, theirs in zip(federation.hospitals, published.hospitals, strict=True):
        assert ours.test.equals(theirs.test)


def test_hospitals_are_compared_as_they_train():
    """Held-out patients alone may change without a new split: what counts is who trains."""
    federation = load_dataset("breast_cancer", OPTIONS, seed=1)
    fewer = replace(federation, hospitals=tuple(replace(h, test=h.test.head(8)) for h in federation.hospitals))
    assert fingerprint(training_matrices(federation)) == fingerprint(training_matrices(fewer))
