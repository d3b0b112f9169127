from dataclasses import replace

import numpy as np
import pytest

from data.errors import DataError
from data.image_federation import ImageFederation, ImageHospital, LabelledImages


def images(labels: str, value: float = 0.0, size: int = 4) -> LabelledImages:
    return LabelledImages(
        np.full((len(labels), size, size, 1), value, np.float32),
        np.array([int(label) for label in labels], np.int64),
        np.array([f"image {number}" for number in range(len(labels))], dtype=str),
    )


def federation(*hospitals: ImageHospital, test: str = "01") -> ImageFederation:
    return ImageFederation(
        "test",
        "Test",
        "simulated",
        ("well", "ill"),
        4,
        hospitals,
        images(""),
        images(test),
        "drawn",
        "none",
        "none",
    )


def test_members_train():
    built = federation(ImageHospital("a", images("01")), ImageHospital("b", images("")))
    assert [hospital.name for hospital in built.members] == ["a"]
    assert built.with_notes("one").with_notes("two", "three").notes == ("one", "two", "three")


def test_take_keeps_images_labels_and_groups_together():
    built = images("0110")
    built.pixels[2] = 1
    taken = built.take(np.array([2, 0]))
    assert (taken.labels.tolist(), taken.groups.tolist()) == ([1, 0], ["image 2", "image 0"])
    assert taken.pixels[:, 0, 0, 0].tolist() == [1, 0]
    assert len(built.take(built.labels == 1)) == 2


def test_a_trainable_and_scored_federation_returns_itself():
    built = federation(ImageHospital("a", images("01")), ImageHospital("b", images("110")))
    assert built.require_trainable() is built
    assert built.require_scored() is built


@pytest.mark.parametrize("name", ["", 1, None])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(DataError, match="cannot name a hospital"):
        federation(ImageHospital(name, images("01")))


def test_two_hospitals_of_one_name_are_refused():
    with pytest.raises(DataError, match="same name"):
        federation(ImageHospital("a", images("01")), ImageHospital("a", images("01")))


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(DataError, match="two different names"):
        replace(federation(), classes=("ill", "ill"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pixels": np.zeros((2, 4, 4, 1))}, r"pixels are float64 \[2, 4, 4, 1\]; hand over float32"),
        (
            {"pixels": np.zeros((2, 4, 5, 1), np.float32)},
            r"\[2, 4, 5, 1\]; hand over float32 \[images, 4, 4, 1\]",
        ),
        ({"pixels": np.full((2, 4, 4, 1), np.nan, np.float32)}, "infinite or not a number"),
        ({"pixels": np.full((2, 4, 4, 1), 255, np.float32)}, "pixels run from 255 to 255; scale them to -1"),
        ({"labels": np.array([0, 1], np.int32)}, r"labels are int32 \[2\]; hand over int64"),
        ({"labels": np.array([0, 1, 1], np.int64)}, r"labels are int64 \[3\]; hand over int64 \[2\]"),
        ({"labels": np.array([0, 2], np.int64)}, "2 is no label; use 0 and 1"),
        ({"groups": np.array([1, 2])}, "groups are int64"),
        ({"groups": np.array(["a"])}, r"groups are <U1 \[1\]; hand over text \[2\]"),
    ],
)
def test_wrong_arrays_name_the_hospital(changed, message):
    with pytest.raises(DataError, match=message) as caught:
        federation(ImageHospital("a", replace(images("01"), **changed)))
    assert str(caught.value).startswith("test, hospital 'a': ")
    with pytest.raises(DataError, match="test, validation images: "):
        replace(federation(), validation=replace(images("01"), **changed))
    with pytest.raises(DataError, match="test, test images: "):
        replace(federation(), test=replace(images("01"), **changed))


def test_nobody_to_train_on():
    with pytest.raises(DataError, match="no hospital has training images; give"):
        federation(ImageHospital("a", images(""))).require_trainable()


def test_an_empty_hospital_is_named():
    with pytest.raises(DataError, match="hospital 'b': there are no training images; give it some or leave it out"):
        federation(ImageHospital("a", images("01")), ImageHospital("b", images(""))).require_trainable()


def test_a_hospital_with_one_class_is_named_with_the_remedy():
    built = federation(ImageHospital("a", images("01")), ImageHospital("b", images("11")))
    with pytest.raises(DataError, match=r"hospital 'b': every training image is of the class 'ill'; .* merge it"):
        built.require_trainable()
    replace(built, single_class_accepted=True).require_trainable()
    alone = replace(federation(ImageHospital("b", images("11"))), single_class_accepted=True)
    with pytest.raises(DataError, match="'b'"):
        alone.require_trainable()


@pytest.mark.parametrize(("test", "found"), [("", "no image"), ("00", "only the class 'well'")])
def test_scoring_needs_both_classes(test, found):
    with pytest.raises(DataError, match=f"the test images hold {found}; hold out"):
        federation(ImageHospital("a", images("01")), test=test).require_scored()
