"""The figures' colours: for readers who see fewer of them, and on white."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tff_health.reporting import style

MARKS = ("BLUE", "VERMILION", "GREEN", "PURPLE", "AMBER", "SKY", "STONE", "INK")
# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = XYZ.sum(axis=1)
APART = 10.0  # CIE76; about 2.3 is just noticeable side by side, lines lie further apart


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    ratio = XYZ @ np.clip(light, 0, 1) / WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def on_white(colour: str) -> float:
    return float(1.05 / (XYZ[1] @ linear(colour) + 0.05))


def test_the_computation_by_known_colours():
    # Values of CIELAB that any table gives, and WCAG's own bounds.
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)
    assert on_white("#000000") == pytest.approx(21)
    assert on_white("#767676") == pytest.approx(4.54, abs=0.01)
    # White stays white for everyone, and red and green of one lightness grow alike without either cone.
    for matrix in VISION.values():
        assert np.asarray(matrix) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-5)
    red, green = linear("#b45a00"), linear("#7a7a00")
    seen = np.asarray(VISION["deuteranopia"])
    assert np.linalg.norm(lab(seen @ red) - lab(seen @ green)) < 0.4 * np.linalg.norm(lab(red) - lab(green))


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart(vision: str):
    seen = {name: lab(np.asarray(VISION[vision]) @ linear(getattr(style, name))) for name in MARKS}
    near = {
        (one, other): round(float(np.linalg.norm(seen[one] - seen[other])), 1)
        for one, other in itertools.combinations(MARKS, 2)
    }
    assert min(near.values()) >= APART, min(near, key=near.__getitem__)


@pytest.mark.parametrize("name", MARKS)
def test_marks_carry_on_white(name: str):
    assert on_white(getattr(style, name)) >= 3


@pytest.mark.parametrize("name", ["INK", "GREY", "VERMILION"])
def test_words_in_figures_are_readable(name: str):
    assert on_white(getattr(style, name)) >= 4.5
