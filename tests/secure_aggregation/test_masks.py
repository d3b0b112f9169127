"""Masked sums are plain sums, and a masked number alone is noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hospital_secrets import hospitals_at
from hypothesis import given, settings
from hypothesis import strategies as st

from tff_health.secure_aggregation.hospital_side import CHECK_RING, Session, masked
from tff_health.secure_aggregation.masks import Pairs, sums_of_masks
from tff_health.secure_aggregation.ring import MOST_MODULUS, MOST_SUMMANDS, Ring
from tff_health.secure_aggregation.secrets_file import SECRETS_FILE, USED_FOLDER

MODULI = st.one_of(st.integers(1, 64).map(lambda bits: 2**bits), st.integers(2, MOST_MODULUS))
SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)
RUN = (7, 9)


def words(*numbers: int) -> tf.Tensor:
    return tf.constant(numbers, tf.uint32)


def session_of(fingerprint: bytes, invocation: int = 0, attempt: int = 0, run: tuple[int, int] = RUN) -> Session:
    return Session(words(*run, invocation, attempt), tf.constant(np.frombuffer(fingerprint, "<u4")))


@st.composite
def sums(draw):
    """Names, and of each tensor its modulus and what every hospital has, as numbers that may be negative."""
    names = [f"hospital {place}" for place in range(draw(st.integers(2, 5)))]
    tensors = []
    for _ in range(draw(st.integers(1, 3))):
        seed, shape = draw(st.integers(0, 2**32)), draw(SHAPES)
        rng = np.random.default_rng(seed)
        values = rng.integers(-(2**62), 2**62, (len(names), *shape), endpoint=True)
        tensors.append((draw(MODULI), values))
    return names, tensors


@settings(max_examples=25, deadline=None)
@given(sums())
def test_the_masked_sum_is_the_plain_sum(tmp_path_factory, drawn):
    names, tensors = drawn
    root = tmp_path_factory.mktemp("hospitals")
    session = session_of(hospitals_at(root, names))
    rings = [Ring(modulus) for modulus, _ in tensors]
    sent = [
        masked([tf.constant(values[place]) for _, values in tensors], rings, session, root / name)
        for place, name in enumerate(names)
    ]
    for place, (modulus, values) in enumerate(tensors):
        total = rings[place].total([parts[place].numpy() for parts, _ in sent])
        plain = np.sum(values.astype(object), axis=0) % modulus  # Python's integers: no overflow
        assert total.shape == values.shape[1:]
        assert np.array_equal(total.astype(object), plain)
        assert all(parts[place].numpy().dtype == rings[place].dtype.as_numpy_dtype for parts, _ in sent)
    assert not CHECK_RING.total([check.numpy() for _, check in sent]).any()


def test_a_missing_hospital_is_noticed_and_leaves_noise(tmp_path, make_hospitals):
    session = session_of(make_hospitals(["north", "south", "east"]))
    ring = Ring(2**32)
    sent = [masked([tf.zeros([4], tf.int64)], [ring], session, tmp_path / name) for name in ("north", "south")]
    assert CHECK_RING.total([check.numpy() for _, check in sent]).all()
    assert ring.total([parts[0].numpy() for parts, _ in sent]).all()


@pytest.mark.parametrize("count", [0, MOST_SUMMANDS + 1])
def test_no_more_is_added_than_fits(count):
    with pytest.raises(ValueError, match=f"not {count}"):
        Ring(3).total([np.zeros([], np.uint64)] * count)


@pytest.mark.parametrize("modulus", [2**8, 2**20, 2**32, 2**40, 2**64, 3 * 2**8])
def test_one_masked_update_is_uniform(tmp_path, make_hospitals, modulus):
    """Chi-squared on the bytes below the modulus; one chance in a million to fail."""
    session = session_of(make_hospitals(["north", "south", "east"]))
    parts, _ = masked([tf.fill([40_000], 5)], [Ring(modulus)], session, tmp_path / "north")
    values = parts[0].numpy()
    below = max(1, (modulus.bit_length() - 1) // 8) * 8 if modulus & (modulus - 1) == 0 else 8
    for shift in range(0, below, 8):
        counts = np.bincount(
            ((values >> np.array(shift, values.dtype)) & np.array(255, values.dtype)).astype(int), minlength=256
        )
        assert scipy.stats.chisquare(counts).pvalue > 1e-6, shift
    assert int(values.max()) < modulus


def test_masks_differ_between_runs_rounds_attempts_and_tensors(tmp_path, make_hospitals):
    fingerprint = make_hospitals(["north", "south"])
    ring = Ring(2**32)
    zeros = tf.zeros([50], tf.int64)
    seen = []
    for run, invocation, attempt in ((RUN, 0, 0), (RUN, 0, 1), (RUN, 1, 0), ((7, 10), 0, 0), ((8, 9), 0, 0)):
        parts, check = masked(
            [zeros, zeros], [ring, ring], session_of(fingerprint, invocation, attempt, run), tmp_path / "north"
        )
        seen += [*parts, check.numpy().view(np.uint32)]
    numbers = np.concatenate([np.asarray(part) for part in seen])
    assert len(numbers) == 5 * (50 + 50 + 4)
    assert len(set(numbers.tolist())) == len(numbers), "no word comes twice"


@pytest.mark.parametrize("bit", [0, 17, 100, 255])
def test_any_bit_of_a_secret_changes_everything(bit):
    secret = np.arange(8, dtype=np.uint32)
    changed = secret.copy()
    changed[bit // 32] ^= np.uint32(1 << (bit % 32))
    one, other = (
        sums_of_masks(Pairs(tf.constant(key[None]), tf.constant([True])), words(1, 2, 3, 4), [Ring(2**32)], [20_000])[0]
        for key in (secret, changed)
    )
    flipped = np.unpackbits((one.numpy() ^ other.numpy()).view(np.uint8)).mean()
    assert abs(flipped - 0.5) < 5 * 0.5 / np.sqrt(32 * 20_000)


@pytest.mark.parametrize("later", [(0, 0), (0, 1), (1, 0), (2, 0)])
def test_an_attempt_is_served_once(tmp_path, make_hospitals, later):
    """Not again, also from another computation or after a restart."""
    fingerprint = make_hospitals(["north", "south"])

    def serve(invocation: int, attempt: int, values: list[int]) -> None:
        session = session_of(fingerprint, invocation, attempt)
        masked([tf.constant(values)], [Ring(2**32)], session, tmp_path / "north")

    serve(*later, [1])
    for values in ([1], [2, 3]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="asked for twice"):
            serve(*later, values)
    serve(later[0], later[1] + 1, [4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="asked for twice"):
        serve(*later, [1])


def test_an_attempt_that_a_crash_cut_off_is_used_up(tmp_path, make_hospitals):
    session = session_of(make_hospitals(["north", "south"]))
    masked([tf.constant([1])], [Ring(4)], session, tmp_path / "north")
    (record,) = (tmp_path / "north" / USED_FOLDER).iterdir()
    assert record.read_bytes() == b"", "it says all it has to say by being there"
    with pytest.raises(tf.errors.InvalidArgumentError, match="asked for twice"):
        masked([tf.constant([1])], [Ring(4)], session, tmp_path / "north")
    later = Session(session.attempt + words(0, 0, 0, 1), session.roster)
    masked([tf.constant([1])], [Ring(4)], later, tmp_path / "north")


def test_another_roster_is_refused(tmp_path, make_hospitals):
    make_hospitals(["north", "south"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="roster is not the one"):
        masked([tf.constant([1])], [Ring(4)], session_of(bytes(32)), tmp_path / "north")


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:-4], lambda b: b[:20], lambda b: b"x" + b[1:], lambda b: b""]
)
def test_damaged_secrets_are_refused(tmp_path, make_hospitals, damage):
    session = session_of(make_hospitals(["north", "south"]))
    path: Path = tmp_path / "north" / SECRETS_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(tf.errors.InvalidArgumentError, match="damaged"):
        masked([tf.constant([1])], [Ring(4)], session, tmp_path / "north")


@pytest.mark.parametrize("modulus", [0, 1, -4, 2**65, 2**47 + 1])
def test_a_modulus_that_cannot_be(modulus):
    with pytest.raises(ValueError, match="modulus of a masked sum"):
        Ring(modulus)


@settings(max_examples=60, deadline=None)
@given(MODULI, st.integers(0, 40), st.integers(0, 2**32))
def test_residues_go_over_the_network_and_back(modulus, entries, seed):
    ring, rng = Ring(modulus), np.random.default_rng(seed)
    residues = rng.integers(0, modulus, entries, dtype=np.uint64, endpoint=False)
    sent = ring.as_sent(tf.constant(residues.astype(ring.dtype.as_numpy_dtype)))
    np.testing.assert_array_equal(ring.as_received([part.numpy() for part in sent]).astype(np.uint64), residues)


@pytest.mark.parametrize(("bits", "size"), [(3, 4), (32, 4), (35, 5), (40, 5), (41, 6), (48, 6), (49, 8), (64, 8)])
def test_bytes_of_an_entry(bits, size):
    ring = Ring(2**bits)
    sent = ring.as_sent(tf.zeros([10], ring.dtype))
    assert sum(part.dtype.size for part in sent) == size


@pytest.mark.parametrize(("bits", "words"), [(3, 10), (32, 10), (35, 11), (40, 13), (48, 15), (49, 20), (64, 20)])
def test_words_of_ten_entries(bits, words):
    assert Ring(2**bits).words(10) == words


@pytest.mark.parametrize("bits", [33, 35, 40, 48, 49, 63, 64])
def test_every_bit_of_an_element_is_a_fair_coin(bits):
    """Packed bits too; each of up to 64 shares within 6 standard deviations: flake rate 1e-7."""
    ring, count = Ring(2**bits), 20_000
    stream = np.random.default_rng(bits).integers(0, 2**32, ring.words(count), dtype=np.uint32)
    drawn = ring.uniform(tf.constant(stream), count).numpy()
    shares = [(drawn >> np.uint64(place) & np.uint64(1)).mean() for place in range(64)]
    np.testing.assert_allclose(shares[:bits], 0.5, atol=6 * 0.5 / count**0.5)
    assert not any(shares[bits:])
    assert len(np.unique(drawn)) > 0.99 * count
