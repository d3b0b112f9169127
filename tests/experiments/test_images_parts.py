"""Who trains on which images, and what the runs keep of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_images import Copies, load

from data.chest_xray import CHEST_XRAY
from data.errors import DataError, SettingsError
from data.image_cleaning import scaled
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.generators.cells import Cell
from tff_health.experiments.generators.in_turn import first_in_turn
from tff_health.experiments.generators.lost_rounds import lost_rounds
from tff_health.experiments.generators.privacy import generator_facts
from tff_health.experiments.images.cleaning_pictures import cleaning_pictures, was_cleaned
from tff_health.experiments.images.image_sets import stranger_images
from tff_health.experiments.images.keeping import may_show_real
from tff_health.experiments.images.parts import joined, parts
from tff_health.experiments.images.pictures import LearningPictures, grey, nearest_pictures, real_pictures
from tff_health.experiments.images.privacy import WORDING
from tff_health.experiments.images.settings import ImagesArm

GUARANTEE = {"training": {"memory": "fresh"}, "guarantee": {"clip": 1.0, "noise_multiplier": 2.0}}
FEDERATION = load({}, data_dir=None, seed=1)
SIZES = (24, 32, 40)


def arm(**options: object) -> ImagesArm:
    return ImagesArm.model_validate({"method": "dcgan", **options})


def test_hospitals_train_together_alone_or_hand_everything_over():
    (together,) = parts(arm(), FEDERATION)
    assert together.counts == SIZES
    assert len(together.federation.members) == 3
    (pooled,) = parts(arm(data="pooled"), FEDERATION)
    assert (pooled.hospitals, pooled.counts) == (together.hospitals, SIZES)
    assert len(pooled.federation.members) == 1
    np.testing.assert_array_equal(pooled.train.pixels, joined(FEDERATION).pixels)
    alone = parts(arm(data="each-hospital"), FEDERATION)
    assert [part.name for part in alone] == ["hospital 1", "hospital 2", "hospital 3"]
    for part, hospital in zip(alone, FEDERATION.hospitals, strict=True):
        np.testing.assert_array_equal(part.train.pixels, hospital.train.pixels)


def test_few_images_are_the_first_of_each_hospital_in_turn():
    (part,) = parts(arm(images=7), FEDERATION)
    assert part.counts == (3, 2, 2)
    first = FEDERATION.hospitals[0].train.pixels[:3]
    np.testing.assert_array_equal(part.federation.hospitals[0].train.pixels, first)
    assert first_in_turn({"a": 1, "b": 5}, 4) == {"a": 1, "b": 3}
    assert first_in_turn({"a": 1, "b": 2}, 10) == {"a": 1, "b": 2}


def test_strangers_are_drawn_as_training_images_were():
    assert stranger_images(FEDERATION).name == "validation images"
    bare = replace(FEDERATION, validation=FEDERATION.validation.take(np.arange(3)))
    assert stranger_images(bare).name == "test images"


def test_grey_values_are_those_that_were_scaled():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(grey(scaled(levels)), levels[..., 0])


def test_real_pictures_are_training_images_of_each_class():
    pictures = real_pictures(FEDERATION, 5)
    assert pictures.shape == (2, 5, 16, 16)
    everything = grey(joined(FEDERATION).pixels)
    for label in (0, 1):
        own = everything[joined(FEDERATION).labels == label]
        np.testing.assert_array_equal(pictures[label], own[:5])


def test_the_closest_pairs_come_first_with_their_psnr():
    (part,) = parts(arm(), FEDERATION)
    rng = np.random.default_rng(0)
    seen = part.train.pixels
    noise = rng.normal(size=(20, 16, 16, 1)) * np.linspace(0.3, 0.01, 20)[:, None, None, None]
    made = np.clip(seen[:20] + noise, -1, 1).astype(np.float32)
    found = nearest_pictures(part, made, real=True)
    assert found["nearest_samples"].shape == found["nearest_real"].shape == (8, 16, 16)
    np.testing.assert_array_equal(found["nearest_samples"], grey(made[::-1][:8]))
    np.testing.assert_array_equal(found["nearest_real"], grey(seen[:20][::-1][:8]))
    error = ((made.astype(np.float64) - seen[:20]) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found["nearest_psnr"], 10 * np.log10(4 / error[::-1][:8]))
    assert "nearest_real" not in nearest_pictures(part, made, real=False)


@pytest.mark.parametrize(
    ("kind", "licence", "shown"),
    [
        ("simulated", "ours", True),
        ("real", "CC BY 4.0", True),
        ("real", "CC BY-SA 4.0", True),
        ("real", "CC BY-NC 4.0", False),
        ("real", "CC BY-SA-NC 4.0", False),
        ("real", "CC0", True),
        ("real", "ours", False),
        ("real", "not CC BY 4.0", False),
    ],
)
def test_real_images_are_shown_where_their_licence_is_public(kind, licence, shown):
    assert may_show_real(load({"kind": kind, "licence": licence}, data_dir=None, seed=1)) == shown


def _generator(seed: int) -> Copies:
    images = joined(load({}, data_dir=None, seed=seed))
    return Copies(16, ("dark", "bright"), np.array([1, 1]), images.pixels, images.labels)


def test_pictures_of_learning_outlive_the_process_that_took_them(tmp_path: Path):
    first = LearningPictures(tmp_path, seed=3).probe(_generator(1))
    later = LearningPictures(tmp_path, seed=3)  # of the run that goes on
    history = [{"round": 1.0, "updates": 2.0, **first}, {"round": 2.0, "updates": 4.0}]
    history.append({"round": 3.0, "updates": 6.0, **later.probe(_generator(2))})
    found = later.taken(history)
    assert found["training"].shape == (2, 2, 4, 16, 16)
    assert found["training_updates"].tolist() == [2, 6]
    assert (found["training"][0] != found["training"][1]).any()
    assert LearningPictures(tmp_path, seed=3).probe(_generator(1)) == first  # the same latent vectors at each point
    assert later.taken([{"round": 1.0, "updates": 2.0}]) == {}
    for file in tmp_path.iterdir():
        file.write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be used"):
        later.taken(history)


def test_cleaning_is_shown_where_it_was_on(real_data: Path):
    assert not was_cleaned("xray_phantom", {})
    assert not was_cleaned("chest_xray", {})
    assert cleaning_pictures("chest_xray", {}, data_dir=real_data, seed=1) == {}
    assert was_cleaned("chest_xray", {"source": "folder"})
    assert not was_cleaned("chest_xray", {"source": "folder", "cleaning": False})
    options = {"cleaning": True}
    assert CHEST_XRAY.resolve(options)["cleaning"]
    found = cleaning_pictures("chest_xray", options, data_dir=real_data, seed=1)
    assert found["cleaning_before"].shape == found["cleaning_after"].shape == (4, 28, 28)
    assert found["cleaning_before"].dtype == np.uint8
    assert (found["cleaning_before"] != found["cleaning_after"]).any()


def test_a_guarantee_per_hospital_is_not_taken_for_one_per_patient() -> None:
    with pytest.raises(SettingsError, match="per hospital, which experiments cannot account"):
        plan_arm(arm(options=GUARANTEE), {"east": 40, "west": 40})


def test_what_is_said_of_a_generator_is_about_images() -> None:
    plan = plan_arm(arm(method="private-dcgan", privacy={"epsilon": 2.0}), {"east": 400, "west": 400})
    facts = generator_facts(plan, ["east", "west"], 800, WORDING)
    assert facts["unit"] == "image"
    assert facts["epsilon"] == pytest.approx(2.0, rel=1e-2)
    assert facts["label"].startswith("epsilon 2")
    assert "per image" in facts["label"]
    assert "one image in one hospital" in facts["sentence"]
    assert "per patient" not in facts["label"] + facts["sentence"]


def test_lost_rounds_are_told() -> None:
    cells = [Cell(number, "private", {"facts": {"skipped_rounds": lost}}) for number, lost in enumerate((0, 1, 2))]
    assert lost_rounds(cells[:1]) == []
    assert "3 rounds" in lost_rounds(cells)[0]
