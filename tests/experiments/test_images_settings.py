"""What is said of wrong settings of an experiment on images, and what is taken from right ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from tiny_images import load

from data.errors import DataError, SettingsError, UnknownNameError
from tff_health.evaluation.images.similarity import WINDOW
from tff_health.evaluation.images.utility import CLASSIFIERS
from tff_health.experiments.images.checks import SMALLEST_SIMILAR, check_images
from tff_health.experiments.images.settings import Classifier, ImagesSettings
from tff_health.experiments.images.workload import cell_work, image_units
from tff_health.experiments.kinds import check_dataset, units
from tff_health.experiments.loading import load_settings, validate

COPIER = {"method": "tiny_images:Copier"}
PRIVATE = {**COPIER, "privacy": {"epsilon": 1.0}}


def settings(arm: dict[str, Any], **more: Any) -> ImagesSettings:
    task = {"source": "tiny_images:load", "arms": {"one": arm}, **more.pop("task", {})}
    document = {"kind": "images", "experiment": "x", "title": "x", "datasets": {"tiny": task}, **more}
    found = validate(document, "mine.toml")
    assert isinstance(found, ImagesSettings)
    return found


@pytest.mark.parametrize(
    ("arm", "more", "error", "words"),
    [
        ({"method": "dcgn"}, {}, UnknownNameError, "unknown image synthesizer 'dcgn'.*did you mean 'dcgan'"),
        ({"method": "tiny_images:load"}, {}, SettingsError, "no class derived from .*ImageSynthesizer"),
        ({"method": "dcgan", "options": {"updats": 1}}, {}, UnknownNameError, "arms.one: .*did you mean 'updates'"),
        ({"method": "dcgan", "options": {"updates": 0}}, {}, SettingsError, "arms.one: DCGAN: updates must be 1"),
        (
            {"method": "dcgan", "options": {"training": {"batchsize": 3}}},
            {},
            UnknownNameError,
            "training: unknown option 'batchsize': did you mean 'batch_size'",
        ),
        ({"method": "ctgan"}, {}, UnknownNameError, "unknown image synthesizer 'ctgan'"),
        ({**PRIVATE, "data": "pooled"}, {}, SettingsError, "shows one party everything"),
        ({**PRIVATE, "data": "each-hospital"}, {}, SettingsError, 'set placement = "each-hospital"'),
        ({**PRIVATE, "images": 5}, {}, SettingsError, "controls without privacy"),
        (COPIER, {"evaluation": {"classifiers": ["svm"]}}, SettingsError, "evaluation.classifiers"),
        (COPIER, {"evaluation": {"classifiers": ["cnn", "cnn"]}}, SettingsError, "names one twice"),
        (COPIER, {"evaluation": {"fdclf": True}}, UnknownNameError, "did you mean 'fd_clf'"),
        (COPIER, {"seeds": 0}, SettingsError, "seeds: .*greater than or equal to 1"),
        (COPIER, {"task": {"arms": {"real": COPIER}}}, SettingsError, "made by the experiment itself"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(arm, more, error, words):
    with pytest.raises(error, match=words):
        settings(arm, **more)


@pytest.mark.parametrize(
    ("arm", "options", "error", "words"),
    [
        ({**COPIER, "images": 1000}, {}, SettingsError, "arms.one: images = 1000, but there are 96 training images"),
        ({**COPIER, "images": 2}, {}, DataError, "arms.one: .*class"),
        (COPIER, {"size": 8}, SettingsError, "images of 8 pixels a side .*set diversity and memorisation"),
        (COPIER, {"test_images": 4}, DataError, "4 test images are too few"),
        ({**COPIER, "options": {"noise_multiplier": 3.0}}, {}, SettingsError, "set noise, but the arm claims nothing"),
        ({"method": "dcgan", "privacy": {"epsilon": 1.0}}, {}, SettingsError, "'dcgan' has no private form"),
        ({**PRIVATE, "privacy": {"epsilon": 1.0, "delta": 0.5}}, {}, SettingsError, "arms.one: .*delta"),
    ],
)
def test_what_does_not_fit_the_images_is_said_before_anything_runs(arm, options, error, words):
    with pytest.raises(error, match=words):
        check_dataset(settings(arm, task={"options": options}), "tiny")


def test_tables_are_no_images(tmp_path: Path):
    with pytest.raises(SettingsError, match="holds a table, and this kind of experiment works on images"):
        check_dataset(settings(COPIER, task={"source": "breast_cancer"}), "tiny", data_dir=tmp_path)


def test_names_are_those_of_the_measures():
    assert get_args(Classifier) == tuple(CLASSIFIERS)
    assert SMALLEST_SIMILAR == WINDOW


def test_cells_are_ordered_by_seed_and_arms_may_have_fewer():
    arms = {"one": COPIER, "control": {**COPIER, "seeds": 1}}
    chosen = settings(COPIER, seeds=2, task={"arms": arms})
    assert [(unit.arm, unit.repeat) for unit in units(chosen, "tiny")] == [
        *(("real", 0), ("one", 0), ("control", 0)),
        *(("real", 1), ("one", 1)),
    ]
    assert image_units(chosen, "tiny")[1].title == "tiny, one, seed 1"
    assert chosen.seed_record == {"experiment": 1, "generators": 2}


def test_the_preset_is_a_valid_one_and_every_cell_is_some_work():
    preset = load_settings("dcgan")
    assert isinstance(preset, ImagesSettings)
    for name in preset.tasks:
        for unit in units(preset, name):
            assert cell_work(preset, name, unit.arm) > 0
    assert preset.tasks["chest_xray"].optional


def test_a_hospital_with_one_class_cannot_train_for_itself():
    federation = load({}, data_dir=None, seed=1)
    one = federation.hospitals[0]
    dark = type(one)(one.name, one.train.take(one.train.labels == 0))
    accepted = type(federation)(
        **{**vars(federation), "hospitals": (dark, *federation.hospitals[1:]), "single_class_accepted": True}
    )
    check_images(settings(COPIER), "tiny", accepted)
    with pytest.raises(DataError, match=r"datasets.tiny.arms.one: .*class"):
        check_images(settings({**COPIER, "data": "each-hospital"}), "tiny", accepted)
