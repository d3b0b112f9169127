"""Closest images: scikit-learn's exact search, equal images, blocks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tff_health.evaluation.images import nearest_images as module
from tff_health.evaluation.images.nearest_images import nearest_images


def test_equals_an_exact_search_whatever_the_blocks(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    images, pool = draw(150, 0).images, draw(400, 1).images
    tree = NearestNeighbors(n_neighbors=3, algorithm="kd_tree").fit(pool.reshape(400, -1).astype(np.float64))
    distance, index = tree.kneighbors(images.reshape(150, -1).astype(np.float64))
    for memory in (64, 0.1):
        monkeypatch.setattr(module, "MEMORY", memory)
        found = nearest_images(images, pool, 3)
        np.testing.assert_array_equal(found.index, index)
        np.testing.assert_allclose(found.distance, distance, rtol=1e-12)


def test_equal_images_are_at_zero_and_nearly_equal_ones_are_not(draw) -> None:
    images = draw(50, 0).images
    pool = images[::-1].copy()
    pool[0, 3, 4] += 1e-6
    found = nearest_images(images, pool, 1)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(50)[::-1])
    assert (found.distance[:-1] == 0).all()
    assert 0 < found.distance[-1, 0] < 2e-6


def test_the_pool_may_be_small_and_ties_go_to_the_first(draw) -> None:
    images = draw(3, 0).images
    found = nearest_images(images[:1], images[[1, 0, 0]])
    assert found.index[0].tolist() == [1, 2, 0]
    assert found.distance[0, :2].tolist() == [0, 0]
