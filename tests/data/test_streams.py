import numpy as np

from data.streams import stream


def test_same_seed_and_names_give_the_same_stream_and_others_another():
    first = stream(1, "a", 2).random(5)
    np.testing.assert_array_equal(first, stream(1, "a", 2).random(5))
    for other in (stream(2, "a", 2), stream(1, "a", 3), stream(1, "b", 2), stream(1, "a"), stream(1)):
        assert not np.array_equal(first, other.random(5))


def test_huge_seeds_are_seeds():
    assert stream(10**60, "a").random() != stream(10**60 + 1, "a").random()
