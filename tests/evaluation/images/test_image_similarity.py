"""SSIM, MS-SSIM and PSNR: plain NumPy after Wang et al., and limits."""

from __future__ import annotations

import numpy as np
import pytest

from data.errors import DataError
from tff_health.evaluation.images.similarity import ms_ssim, psnr, psnr_of_distance, scale_weights, ssim


def maps_by_hand(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The SSIM map and its contrast-structure part, window by window (Wang et al. 2004, eq. 13 to 16)."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    side = len(x) - 10
    full, part = np.empty((side, side)), np.empty((side, side))
    for i in range(side):
        for j in range(side):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            part[i, j] = (2 * cov + c2) / (va + vb + c2)
            full[i, j] = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1) * part[i, j]
    return full, part


def halved(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x) // 2, 2, len(x) // 2, 2).mean(axis=(1, 3))


def pairs(draw, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    first = draw(4, 0, size=size).images
    noise = np.random.default_rng(1).normal(scale=0.1, size=first.shape)
    return first, np.clip(first + noise, -1, 1).astype(np.float32)


def test_ssim_equals_the_definition(draw) -> None:
    first, second = pairs(draw)
    both = zip(first[..., 0].astype(float), second[..., 0].astype(float), strict=True)
    expected = [maps_by_hand(a, b)[0].mean() for a, b in both]
    np.testing.assert_allclose(ssim(first, second), expected, atol=2e-5)
    np.testing.assert_allclose(ssim(first, first), 1, atol=1e-6)
    np.testing.assert_allclose(ssim(first, second), ssim(second, first), atol=1e-6)
    negative = np.clip(2 * first.mean(axis=(1, 2, 3), keepdims=True) - first, -1, 1)
    assert (ssim(first, negative) < 0.2).all()


@pytest.mark.parametrize(("size", "scales"), [(28, 2), (64, 3)])
def test_ms_ssim_equals_the_definition(draw, size: int, scales: int) -> None:
    first, second = pairs(draw, size)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights /= weights.sum()
    assert scale_weights(size) == pytest.approx(weights)
    expected = []
    for a, b in zip(first[..., 0].astype(float), second[..., 0].astype(float), strict=True):
        product = 1.0
        for scale, weight in enumerate(weights):
            full, part = maps_by_hand(a, b)
            product *= (full if scale == scales - 1 else part).mean() ** weight
            a, b = halved(a), halved(b)
        expected.append(product)
    np.testing.assert_allclose(ms_ssim(first, second), expected, atol=2e-5)
    np.testing.assert_allclose(ms_ssim(first, first), 1, atol=1e-6)


def test_psnr_equals_the_definition(draw) -> None:
    first, second = pairs(draw)
    expected = [10 * np.log10(4 / np.mean((a.astype(float) - b) ** 2)) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(psnr(first, second), expected)
    assert (psnr(first, first) == np.inf).all()
    black, white = np.full((1, 4, 4, 1), -1), np.ones((1, 4, 4, 1))
    assert psnr(black, white) == pytest.approx(0)
    assert psnr_of_distance(np.array([8.0]), 16) == pytest.approx(0)


@pytest.mark.parametrize("measure", [ssim, ms_ssim, psnr])
def test_more_noise_is_less_alike(draw, measure) -> None:
    images = draw(30, 0).images
    noise = np.random.default_rng(1).normal(size=images.shape)
    means = [measure(images, np.clip(images + s * noise, -1, 1)).mean() for s in (0.02, 0.1, 0.3, 1)]
    assert means == sorted(means, reverse=True)


def test_blocks_are_the_whole(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = draw(7, 0).images, draw(7, 1).images
    whole = ssim(first, second)
    monkeypatch.setattr("tff_health.evaluation.images.similarity._PAIRS", 3)
    np.testing.assert_allclose(ssim(first, second), whole, atol=1e-6)


def test_what_cannot_be_compared(draw) -> None:
    images = draw(3, 0).images
    with pytest.raises(DataError, match="3 first and 2 second"):
        ssim(images, images[:2])
    with pytest.raises(DataError, match="11 pixels a side or more, not 8"):
        ms_ssim(np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8, 1)))
    with pytest.raises(DataError, match="64 pixels"):
        psnr(images, draw(3, 0, size=64).images)
