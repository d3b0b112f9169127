"""On drawn pictures whose border, letter and noise are known; on Kermany's pictures in test_chest_xray."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from data.image_cleaning import (
    clean,
    cleaning_examples,
    crop_border,
    median,
    reduced,
    remove_markers,
    resized,
    scaled,
    square,
)


def chest(height: int = 420, width: int = 520) -> np.ndarray:
    """A soft picture with two dark lungs and bright ribs, uint8 [height, width], between about 40 and 200."""
    down, across = np.mgrid[0:height, 0:width]
    v, u = down / height * 2 - 1, across / width * 2 - 1
    lungs = np.exp(-(((np.abs(u) - 0.42) / 0.26) ** 4) - (v / 0.75) ** 4)
    ribs = np.exp(-(((((v * 9 + 2 * u**2) % 1) - 0.5) / 0.2) ** 2)) * (np.abs(u) < 0.8)
    return gaussian_filter(150 - 95 * lungs + 45 * ribs, 2).astype(np.uint8)


def with_letter(picture: np.ndarray, place: tuple[int, int], text: str = "R", size: int = 34) -> np.ndarray:
    drawn = Image.fromarray(picture)
    ImageDraw.Draw(drawn).text(place, text, fill=255, font=ImageFont.load_default(size))
    return np.array(drawn)


@pytest.mark.parametrize("place", [(12, 14), (470, 20), (16, 360)])
@pytest.mark.parametrize("text", ["R", "L"])
def test_a_letter_near_an_edge_goes_and_the_rest_stays(place, text):
    # As on film, markers stand beside the chest, where little happens.
    picture = chest()
    picture[:, :70] = picture[:, -70:] = 30
    marked = with_letter(picture, place, text)
    written = marked != picture
    assert written.sum() > 100
    result = remove_markers(marked)
    assert np.abs(result.astype(int) - picture)[written].max() < 12
    # Nothing further than a stroke from the letter has changed.
    rows, columns = np.nonzero(result != marked)
    inked = np.nonzero(written)
    for found, ink in zip((rows, columns), inked, strict=True):
        assert found.min() >= ink.min() - 9
        assert found.max() <= ink.max() + 9


def test_a_picture_without_marker_or_border_stays_as_it_is():
    picture = chest()
    assert np.array_equal(remove_markers(picture), picture)
    assert np.array_equal(crop_border(picture), picture)


def test_a_letter_in_the_middle_of_the_picture_stays():
    marked = with_letter(chest(), (255, 200))
    assert np.array_equal(remove_markers(marked), marked)


def test_a_soft_bright_spot_is_bone_and_no_letter():
    """The ends of a child's ribs: as small, as bright and as far out as a letter, but without its edge."""
    picture = chest()
    picture[:, :70] = 30
    down, across = np.mgrid[0:420, 0:520]
    spots = sum(np.exp(-(((down - y) / 9) ** 2) - ((across - 32) / 7) ** 2) for y in (100, 180, 260))
    picture = np.clip(picture + 200 * spots, 0, 255).astype(np.uint8)
    assert np.array_equal(remove_markers(picture), picture)


def test_a_large_bright_shape_is_no_letter():
    picture = chest()
    picture[:, :80] = 30
    picture[20:140, 10:70] = 250
    assert np.array_equal(remove_markers(picture), picture)


@pytest.mark.parametrize("grey", [0, 8, 250, 255])
@pytest.mark.parametrize("sides", [(30, 0, 0, 0), (0, 25, 0, 0), (20, 20, 40, 10)])
def test_black_and_white_bars_go(grey, sides):
    top, bottom, left, right = sides
    picture = chest()
    framed = np.pad(picture, ((top, bottom), (left, right)), constant_values=grey)
    assert np.array_equal(crop_border(framed), picture)


def test_at_most_a_quarter_of_a_side_goes():
    assert crop_border(np.zeros((100, 200), np.uint8)).shape == (50, 100)


def test_dark_air_beside_the_neck_is_no_border():
    picture = chest()
    picture[:40, :150] = picture[:40, -150:] = 0
    assert crop_border(picture).shape == picture.shape


def test_the_median_takes_single_pixels_and_keeps_edges():
    step = np.zeros((9, 9), np.uint8)
    step[:, 5:] = 200
    noisy = step.copy()
    noisy[2, 2], noisy[6, 7] = 255, 0
    assert np.array_equal(median(noisy), step)
    grain = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(grain, (3, 3))
    assert np.array_equal(median(grain)[1:-1, 1:-1], np.median(windows, axis=(2, 3)))


def test_the_middle_square_is_cut():
    picture = np.arange(8 * 3).reshape(8, 3).astype(np.uint8)
    assert np.array_equal(square(picture), picture[2:5])
    assert np.array_equal(square(picture.T), picture.T[:, 2:5])


def test_reducing_takes_means_of_blocks_and_stops_at_the_side():
    picture = np.random.default_rng(1).integers(0, 256, (60, 90)).astype(np.uint8)
    means = picture.reshape(20, 3, 30, 3).mean(axis=(1, 3))
    assert np.abs(reduced(picture, 20) - means).max() < 0.6
    assert reduced(picture, 31) is picture


def test_resizing_keeps_the_mean_and_leaves_the_right_size_alone():
    picture = square(chest())
    assert abs(float(resized(picture, 28).mean()) - float(picture.mean())) < 0.5
    small = resized(picture, 28)
    assert resized(small, 28) is small


def test_grey_levels_are_scaled_to_minus_one_and_one():
    values = scaled(np.array([[0, 255], [51, 204]], np.uint8))
    assert values.dtype == np.float32
    assert values.ravel().tolist() == pytest.approx([-1, 1, -0.6, 0.6])


@pytest.mark.parametrize("size", [28, 64])
def test_cleaning_comes_near_the_picture_before_it_was_spoilt(size):
    # Square, so that the border is what moves the middle square.
    picture = chest(420, 420)
    picture[:, :60] = 30
    spoilt = np.pad(with_letter(picture, (10, 12)), ((0, 0), (90, 0)))
    noise = np.random.default_rng(2).random(spoilt.shape)
    spoilt[noise < 0.01], spoilt[noise > 0.99] = 0, 255
    spoilt[:, :90] = 0
    wanted = clean(picture, size, cleaning=False).astype(int)
    cleaned, as_it_is = (clean(spoilt, size, cleaning=choice) for choice in (True, False))
    assert cleaned.shape == (size, size)
    assert cleaned.dtype == np.uint8
    assert np.abs(cleaned - wanted).mean() < 3
    assert np.abs(as_it_is - wanted).mean() > 10


def test_small_pictures_are_only_filtered():
    small = resized(square(chest()), 28).copy()
    small[:3] = 0
    assert np.array_equal(clean(small, 28, cleaning=True), median(small))
    assert np.array_equal(clean(small, 28, cleaning=False), small)


def test_examples_show_the_whole_picture_and_what_is_trained_on():
    picture = chest()
    picture[:, :70] = 30
    framed = np.pad(with_letter(picture, (8, 8)), ((0, 0), (42, 42)))
    (example,) = cleaning_examples([framed], 64)
    # Two by two pixels become one.
    assert np.array_equal(example.before, reduced(framed, 200))
    assert example.before.shape == (210, 302)
    assert example.after.shape == (210, 260)
    assert np.abs(example.after.astype(int) - reduced(picture, 200)).mean() < 1
    assert np.array_equal(example.image, clean(framed, 64, cleaning=True))
