import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from data.errors import SettingsError
from data.image_federation import ImageFederation, LabelledImages
from data.xray_phantom import load


def phantom(seed: int = 0, **settings: object) -> ImageFederation:
    return load({"images": 200, "test_images": 60, "validation_images": 40, **settings}, data_dir=None, seed=seed)


def pooled(federation: ImageFederation) -> LabelledImages:
    trained = [hospital.train for hospital in federation.hospitals]
    return LabelledImages(
        *(np.concatenate([getattr(part, name) for part in trained]) for name in ("pixels", "labels", "groups"))
    )


@pytest.mark.parametrize("size", [28, 64])
def test_counts_sizes_and_classes_are_as_asked(size):
    federation = phantom(size=size, prevalence=0.3).require_trainable().require_scored()
    assert (federation.kind, federation.size, len(federation.members)) == ("simulated", size, 5)
    train = pooled(federation)
    assert train.pixels.shape == (200, size, size, 1)
    assert [int(part.labels.sum()) for part in (train, federation.validation, federation.test)] == [60, 12, 18]
    everything = np.concatenate([train.groups, federation.validation.groups, federation.test.groups])
    assert len(set(everything)) == 300


def test_the_same_seed_draws_the_same_images():
    assert np.array_equal(phantom(3).test.pixels, phantom(3).test.pixels)
    assert not np.array_equal(phantom(3).test.pixels, phantom(4).test.pixels)
    assert np.array_equal(phantom(3, split_seed=4).test.pixels, phantom(4).test.pixels)
    assert not np.array_equal(phantom(3).test.pixels[:40], phantom(3).validation.pixels)


def test_hospitals_and_partition_do_not_change_the_patients():
    one, other = (pooled(phantom(hospitals=n, partition=p)) for n, p in ((5, "iid"), (3, "dirichlet")))
    assert set(one.groups) == set(other.groups)
    order = [np.argsort(part.groups) for part in (one, other)]
    assert np.array_equal(one.pixels[order[0]], other.pixels[order[1]])


def test_a_shift_moves_hospitals_exposure_alone():
    def brightness(federation: ImageFederation) -> np.ndarray:
        return np.array([hospital.train.pixels.mean() for hospital in federation.hospitals])

    alike, shifted = phantom(images=400), phantom(images=400, hospital_shift=0.5)
    assert np.std(brightness(alike)) < 0.05
    assert np.std(brightness(shifted)) > 0.1
    assert np.array_equal(pooled(alike).labels, pooled(shifted).labels)
    assert any("differ in exposure" in note for note in shifted.notes)


def test_pictures_look_like_chests():
    """Dark lungs beside a bright spine, a heart to the right of the picture, a bright belly, in nearly all of them."""
    healthy = pooled(phantom(images=400))
    pixels = healthy.pixels[healthy.labels == 0, ..., 0]

    def grey(down: slice, across: slice) -> np.ndarray:
        return pixels[:, down, across].mean((1, 2))

    upper = slice(7, 14)
    left, right, spine = grey(upper, slice(6, 10)), grey(upper, slice(18, 22)), grey(upper, slice(13, 15))
    assert (spine > np.maximum(left, right) + 0.2).mean() > 0.95
    lower = slice(16, 20)
    assert (grey(lower, slice(15, 19)) > grey(lower, slice(8, 12))).mean() > 0.9
    assert (grey(slice(25, 28), slice(6, 22)) > left + 0.2).mean() > 0.95


def test_opacities_brighten_the_lungs():
    """The same patients with and without: nothing else differs but what is brighter."""
    train = pooled(phantom(images=1000))
    ill, well = (train.pixels[train.labels == label, ..., 0].mean(0) for label in (1, 0))
    difference = ill - well
    lungs, rim = difference[8:20, [*range(5, 10), *range(18, 23)]], difference[:, [0, 1, 26, 27]]
    assert lungs.mean() > 0.05
    assert abs(rim.mean()) < 0.03


def test_the_classes_are_neither_plain_nor_hopeless():
    federation = phantom(images=1000, test_images=400)
    train, test = pooled(federation), federation.test
    model = make_pipeline(PCA(60, random_state=0), SVC(C=3))
    model.fit(train.pixels.reshape(1000, -1), train.labels)
    auc = roc_auc_score(test.labels, model.decision_function(test.pixels.reshape(400, -1)))
    # A small convolutional network gets .92 to .94; a kernel on pixels cannot move with the opacities.
    assert 0.7 < auc < 0.95


def test_more_hospitals_than_the_images_can_give():
    with pytest.raises(SettingsError, match="20 hospitals of at least 20 rows need 400 rows, and there are 200"):
        phantom(hospitals=20)
