import numpy as np
import pytest

from data.errors import SettingsError
from data.image_federation import LabelledImages
from data.image_groups import (
    choose_images,
    fingerprints,
    merged_groups,
    simulated_image_hospitals,
    split_groups,
    surplus_copies,
    without_groups_of,
)


def images(pictures: str, groups: str, labels: list[int] | None = None) -> LabelledImages:
    """One image a letter: equal letters are equal pictures."""
    pixels = np.array([[[[ord(letter) / 200]]] for letter in pictures], np.float32).reshape(-1, 1, 1, 1)
    return LabelledImages(pixels, np.array(labels or [0] * len(pictures), np.int64), np.array(list(groups), dtype=str))


def patients(number: int, each: int = 1, seed: int = 0) -> LabelledImages:
    """Distinct random images, `each` of every patient; every third patient is ill."""
    patient = np.repeat(np.arange(number), each)
    pixels = np.random.default_rng(seed).uniform(-1, 1, (len(patient), 2, 2, 1)).astype(np.float32)
    return LabelledImages(pixels, (patient % 3 == 0).astype(np.int64), np.array([f"p{one}" for one in patient]))


def test_fingerprints_are_equal_for_equal_pictures_alone():
    prints = fingerprints(images("abab", "1234"))
    assert prints[0] == prints[2] != prints[1] == prints[3]
    assert surplus_copies(images("aabab", "12345")) == 3
    assert surplus_copies(images("", "")) == 0


def test_groups_that_share_a_picture_become_one_across_parts():
    # 1 and 3 share picture a; 2 and 4 share c, which stand in two parts; 5 stands alone.
    first, second = merged_groups((images("abac", "1232"), images("cd", "45")))
    assert first.groups.tolist() == ["1", "2", "1", "2"]
    assert second.groups.tolist() == ["2", "5"]


def test_merging_leaves_patients_without_a_common_picture_alone():
    (merged,) = merged_groups((images("abcd", "1122"),))
    assert merged.groups.tolist() == ["1", "1", "2", "2"]
    assert merged_groups((images("", ""),))[0].groups.tolist() == []


def test_groups_of_others_are_taken_out():
    kept = without_groups_of(images("abcd", "1123"), images("x", "1"), images("y", "3"))
    assert kept.groups.tolist() == ["2"]


@pytest.mark.parametrize("method", ["iid", "dirichlet", "size_skew"])
def test_every_image_lands_in_one_hospital_and_no_patient_in_two(method):
    all_of_them = patients(90, each=3)
    hospitals = simulated_image_hospitals(all_of_them, method, 4, 1, alpha=0.5, min_rows=6, min_per_class=2)
    held = [set(hospital.train.groups) for hospital in hospitals]
    assert sum(map(len, held)) == len(set().union(*held)) == 90
    assert sorted(np.concatenate([fingerprints(hospital.train) for hospital in hospitals])) == sorted(
        fingerprints(all_of_them)
    )
    for hospital in hospitals:
        assert len(set(hospital.train.groups)) >= 6
        assert np.bincount(hospital.train.labels).min() >= 2 * 3
    again = simulated_image_hospitals(all_of_them, method, 4, 1, alpha=0.5, min_rows=6, min_per_class=2)
    assert [h.train.groups.tolist() for h in again] == [h.train.groups.tolist() for h in hospitals]


def test_too_many_hospitals():
    with pytest.raises(SettingsError, match="9 hospitals of at least 20 rows need 180 rows, and there are 30"):
        simulated_image_hospitals(patients(30, each=2), "iid", 9, 0, alpha=1, min_rows=20, min_per_class=1)


def test_a_split_takes_whole_patients_of_both_classes():
    kept, away = split_groups(patients(60, each=2), 0.2, 3)
    assert not set(kept.groups) & set(away.groups)
    assert (len(kept), len(away)) == (96, 24)
    assert np.bincount(away.labels).tolist() == [16, 8]


def test_chosen_images_keep_the_shares_and_grow_with_the_number():
    pool = patients(300)
    few, more = choose_images(pool, 30, 5), choose_images(pool, 90, 5)
    assert np.bincount(few.labels).tolist() == [20, 10]
    assert np.bincount(more.labels).tolist() == [60, 30]
    assert set(few.groups) < set(more.groups)
    assert set(choose_images(pool, 30, 6).groups) != set(few.groups)
    assert np.bincount(choose_images(pool, 2, 5).labels).tolist() == [1, 1]
    assert fingerprints(choose_images(pool, 300, 5)).tolist() == fingerprints(pool).tolist()
    with pytest.raises(SettingsError, match="images is 301, and there are 300 training images; ask for fewer"):
        choose_images(pool, 301, 5)
