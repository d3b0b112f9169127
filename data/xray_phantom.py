"""Simulated chest X-rays with and without an opacity, to try image experiments offline. Nobody in them exists.

A picture is a thickness map of what the ray crosses (body, spine, heart, ribs, collar bones, less the air of two
lungs above the diaphragm), seen through an exposure and with noise. Patients differ in position, size, rotation,
build, exposure and the texture of their lungs. Pneumonia is one to three soft consolidations of random place, size
and contrast inside the lungs; some are too faint to be seen, as in life. Breasts and the vessels near the heart
brighten lungs without being an opacity, in both classes. The shapes are ours and are drawn after no atlas: the
dataset shows that a method works, and says nothing about X-rays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from data.dataset_settings import XRAY_PHANTOM
from data.hospitals import partition_rows
from data.image_cleaning import scaled
from data.image_federation import ImageFederation, ImageHospital, LabelledImages
from data.streams import stream

CLASSES = ("no opacity", "opacity")
MIN_PER_CLASS = 4

_BATCH = 256  # images drawn at once; more only takes memory
_EXPOSURE = 0.15  # standard deviation of the logarithm of the exposure within a hospital


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> ImageFederation:
    """Simulated images dealt to hospitals; validation and test images come from the hospitals in equal shares.

    Args:
        settings: `images` (1000), `test_images` (400), `validation_images` (200), `size` (28 or 64), `prevalence`
            (.5), `hospitals` (5), `partition` (`iid`, `dirichlet` or `size_skew`), `alpha` (.5), `min_rows` (20),
            `hospital_shift` (0) between exposures, `split_seed` (the experiment's seed).
        data_dir: unused; the images are drawn.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown, out of range, or asks for more than the images can give.
    """
    resolved = XRAY_PHANTOM.resolve(settings)
    draw_seed: int = seed if resolved["split_seed"] is None else resolved["split_seed"]
    n, shift = resolved["hospitals"], resolved["hospital_shift"]
    exposures = stream(draw_seed, "xray_phantom", "hospitals").normal(0, shift, n)

    def draw(part: str, hospital_of: np.ndarray) -> LabelledImages:
        return draw_images(
            _labels(len(hospital_of), resolved["prevalence"], draw_seed, part),
            resolved["size"],
            draw_seed,
            part,
            exposures[hospital_of],
        )

    labels = _labels(resolved["images"], resolved["prevalence"], draw_seed, "train")
    parts = partition_rows(
        resolved["partition"],
        labels,
        n,
        draw_seed,
        alpha=resolved["alpha"],
        min_rows=resolved["min_rows"],
        min_per_class=MIN_PER_CLASS,
    )
    hospital_of = np.empty(len(labels), np.int64)
    for hospital, rows in enumerate(parts):
        hospital_of[rows] = hospital
    train = draw("train", hospital_of)
    skew = "" if resolved["partition"] == "iid" else f" with alpha {resolved['alpha']:g}"
    notes = ["The images are simulated and support no conclusion on patients."]
    if shift:
        notes.append(f"Hospitals differ in exposure (shift {shift:g} in its logarithm).")
    return ImageFederation(
        name="xray_phantom",
        title="Simulated chest X-rays",
        kind="simulated",
        classes=CLASSES,
        size=resolved["size"],
        hospitals=tuple(
            ImageHospital(f"hospital {number}", train.take(rows)) for number, rows in enumerate(parts, start=1)
        ),
        validation=draw("validation", np.arange(resolved["validation_images"]) % n),
        test=draw("test", np.arange(resolved["test_images"]) % n),
        source="drawn by this software",
        licence="drawn by this software; no patients",
        protocol=(
            f"{resolved['images']:,} simulated images, {resolved['prevalence']:.0%} with an opacity, dealt to {n} "
            f"hospitals by {resolved['partition']}{skew}; {resolved['validation_images']:,} others for validation and "
            f"{resolved['test_images']:,} for scoring (draw seed {draw_seed})."
        ),
        notes=tuple(notes),
    )


def _labels(number: int, prevalence: float, seed: int, part: str) -> np.ndarray:
    """int64 [number] of which the rounded share is 1, in random order."""
    ordered = (np.arange(number) < round(prevalence * number)).astype(np.int64)
    return stream(seed, "xray_phantom", part, "labels").permutation(ordered)


def draw_images(labels: np.ndarray, size: int, seed: int, part: str, exposure: np.ndarray) -> LabelledImages:
    """One simulated patient and picture a label.

    Args:
        labels: int64 [images].
        size: pixels along each side.
        seed: same seed and part, same patients, whatever their exposure.
        part: such as "train".
        exposure: float [images], added to the logarithm of each picture's own exposure.
    """
    pixels = np.empty((len(labels), size, size, 1), np.float32)
    for start in range(0, len(labels), _BATCH):
        rows = slice(start, start + _BATCH)
        rng = stream(seed, "xray_phantom", part, "images", start)
        pixels[rows, ..., 0] = scaled(_pictures(labels[rows], size, rng, exposure[rows]))
    groups = np.array([f"{part} {number}" for number in range(1, len(labels) + 1)])
    return LabelledImages(pixels, labels, groups)


def _pictures(labels: np.ndarray, size: int, rng: np.random.Generator, exposure: np.ndarray) -> np.ndarray:
    """uint8 [images, size, size]."""
    n = len(labels)

    def vary(middle: float, spread: float) -> np.ndarray:
        """float32 [images, 1, 1], normal, at most two and a half standard deviations from the middle."""
        drawn = np.clip(rng.normal(0, 1, (n, 1, 1)), -2.5, 2.5)
        return (middle + spread * drawn).astype(np.float32)

    # Patient's coordinates: u to the right of the picture, v downwards, lungs about within [-.8, .8].
    axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1)[np.newaxis]
    across, down = axis[:, np.newaxis, :], axis[:, :, np.newaxis]
    turn, zoom = vary(0, 0.04), vary(1.13, 0.07)
    u = (across * np.cos(turn) - down * np.sin(turn)) / (zoom * vary(1, 0.05)) + vary(0, 0.05)
    v = (across * np.sin(turn) + down * np.cos(turn)) / zoom + vary(0, 0.06)
    side = np.abs(u)

    lungs, lower = _lungs(u, v, vary)
    body = expit((vary(0.98, 0.05) + 0.45 * expit((-0.30 - v) * 8) - side) / 0.04)
    body *= expit((v + vary(1.04, 0.06) - 0.42 * np.clip(side - 0.25, 0, None)) / 0.04)
    thickness = body * (vary(0.62, 0.04) + 0.10 * np.exp(-((u / 0.75) ** 2)))
    thickness -= lungs * vary(0.45, 0.04)
    # Mediastinum and spine, heart, and what lies below the diaphragm.
    thickness += vary(0.16, 0.03) * np.exp(-((u / vary(0.15, 0.02)) ** 2)) * body
    spine = np.exp(-((u / 0.07) ** 2)) * (1 + 0.25 * np.sin(v * 28 + vary(0, 3)))
    thickness += 0.09 * spine * body
    heart_u, heart_v = u - vary(0.13, 0.03), v - vary(0.28, 0.05)
    heart = expit((1 - np.hypot(heart_u / vary(0.36, 0.04), (heart_v + 0.25 * heart_u) / vary(0.34, 0.03))) * 9)
    thickness += vary(0.40, 0.04) * heart * np.clip(lungs, 0.12, 1)
    thickness += vary(0.12, 0.04) * lower * body
    thickness += _bones(u, v, side, vary) * body
    # What brightens healthy lungs: vessels near the heart, breasts, uneven air.
    thickness += lungs * vary(0.10, 0.03) * np.exp(-(((side - 0.2) / 0.16) ** 2) - ((v - 0.05) / 0.3) ** 2)
    breast = np.exp(-(((side - vary(0.45, 0.05)) / 0.25) ** 2) - ((v - vary(0.35, 0.08)) / 0.2) ** 2)
    thickness += np.clip(vary(0.02, 0.03), 0, None) * breast
    thickness += lungs * _texture(rng, n, size, 0.055) * vary(0.035, 0.01)
    thickness += lungs * _opacities(u, v, labels, rng)

    gain = np.exp(_EXPOSURE * vary(0, 1) + exposure[:, np.newaxis, np.newaxis])
    # What is thick saturates: the display compresses it, as film did.
    picture = vary(0.99, 0.05) * (1 - np.exp(-1.6 * np.clip(thickness, 0, None))) ** (1 / gain)
    grain = rng.normal(0, 1, (n, size, size)).astype(np.float32)
    picture += np.clip(vary(0.012, 0.004), 0.004, None) * grain
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def _lungs(u: np.ndarray, v: np.ndarray, vary: Any) -> tuple[np.ndarray, np.ndarray]:
    """How much each pixel is lung, and how much it lies below the diaphragm, both [images, size, size] in [0, 1]."""
    lungs, lower = 0.0, 0.0
    base = vary(0.52, 0.06)
    for sign, higher in ((-1, 0.0), (1, 0.05)):
        own = sign * u
        # Narrow at the apex, wide at the base.
        height = (v + vary(0.02, 0.02)) / vary(0.80, 0.04)
        width = vary(0.30, 0.025) * (1 + 0.22 * np.clip(height, -1, 1))
        inside = 1 - np.abs((own - vary(0.44, 0.02) - 0.05 * height) / width) ** 2.4 - np.abs(height) ** 2.6
        dome = base + higher + 0.9 * (own - 0.38) ** 2
        below = expit((v - dome) / 0.03)
        mask = expit(inside * 7) * (1 - below)
        lungs = lungs + mask
        lower = lower + below * (own > 0)
    return np.clip(lungs, 0, 1), np.clip(lower, 0, 1)


def _bones(u: np.ndarray, v: np.ndarray, side: np.ndarray, vary: Any) -> np.ndarray:
    """Thickness of ribs and collar bones."""
    bones = np.zeros_like(v)
    spacing, offset, droop = vary(0.155, 0.008), vary(-0.80, 0.04), vary(0.30, 0.05)
    within = expit((0.84 - side) / 0.03) * expit((side - 0.08) / 0.02)
    for rib in range(9):
        # From the spine up and out, then down along the chest's wall.
        course = offset + spacing * rib + droop * (side - 0.25) ** 2 - 0.03
        bones += np.exp(-(((v - course) / 0.032) ** 2)) * within * 0.085
    wall = np.exp(-(((side - 0.80) / 0.05) ** 2)) * expit((v + 0.75) / 0.06)
    bones += vary(0.05, 0.02) * wall
    collar = -0.70 - vary(0.10, 0.03) * (side - 0.1) / 0.6
    return bones + 0.15 * np.exp(-(((v - collar) / 0.035) ** 2)) * expit((0.85 - side) / 0.05) * expit(
        (side - 0.1) / 0.03
    )


def _texture(rng: np.random.Generator, n: int, size: int, width: float) -> np.ndarray:
    """Smooth noise [images, size, size] of standard deviation about 1 and of `width` of the picture's side."""
    sigma = width * size
    smooth = gaussian_filter(rng.normal(0, 1, (n, size, size)).astype(np.float32), (0, sigma, sigma), mode="wrap")
    return np.asarray(smooth / smooth.std(axis=(1, 2), keepdims=True))


def _opacities(u: np.ndarray, v: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Thickness of the consolidations [images, size, size]; nought where the label is 0."""
    n = len(labels)
    number = rng.integers(1, 4, n)
    total = np.zeros(v.shape, np.float32)
    for which in range(3):
        present = ((labels == 1) & (which < number)).astype(np.float32)[:, np.newaxis, np.newaxis]
        left = rng.choice([-1.0, 1.0], (n, 1, 1))
        centre_u = left * rng.uniform(0.25, 0.66, (n, 1, 1))
        centre_v = rng.uniform(-0.5, 0.5, (n, 1, 1))
        long, short = rng.uniform(0.16, 0.38, (n, 1, 1)), rng.uniform(0.12, 0.26, (n, 1, 1))
        angle = rng.uniform(0, np.pi, (n, 1, 1))
        across, along = u - centre_u, v - centre_v
        first = (across * np.cos(angle) + along * np.sin(angle)) / long
        second = (along * np.cos(angle) - across * np.sin(angle)) / short
        contrast = np.exp(rng.uniform(np.log(0.12), np.log(0.40), (n, 1, 1)))
        total += present * contrast * np.exp(-((first**2 + second**2) ** 1.3))
    patchy = 1 + 0.35 * _texture(rng, n, v.shape[-1], 0.04)
    # Filled lung is as dense as the tissue around it, and no denser.
    return np.clip(total * np.clip(patchy, 0.2, None), 0, 0.42)
