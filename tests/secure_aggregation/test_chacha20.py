"""The key stream, held to published test vectors and to the cryptography package's ChaCha20."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from tff_health.secure_aggregation.chacha20 import (
    _BLOCKS_AT_A_TIME,
    BLOCK_WORDS,
    derived_key,
    extended_key_stream,
    key_stream,
)

ZEROS = "00" * 32
# RFC 8439: section 2.3.2, then appendix A.1, vectors 1 to 5. Key, nonce, counter, one block of key stream.
VECTORS = {
    "2.3.2": (
        bytes(range(32)).hex(),
        "000000090000004a00000000",
        1,
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    ),
    "A.1.1": (
        ZEROS,
        "00" * 12,
        0,
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
    ),
    "A.1.2": (
        ZEROS,
        "00" * 12,
        1,
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    ),
    "A.1.3": (
        "00" * 31 + "01",
        "00" * 12,
        1,
        "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
        "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
    ),
    "A.1.4": (
        "00ff" + "00" * 30,
        "00" * 12,
        2,
        "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
        "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
    ),
    "A.1.5": (
        ZEROS,
        "00" * 11 + "02",
        0,
        "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
        "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d",
    ),
}


def words_of(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<u4")


def reference(key: bytes, counter_and_nonce: bytes, words: int) -> np.ndarray:
    stream = Cipher(ChaCha20(key, counter_and_nonce), mode=None).encryptor().update(bytes(4 * words))
    return words_of(stream)


@pytest.mark.parametrize("name", VECTORS)
def test_published_blocks(name):
    key, nonce, counter, expected = VECTORS[name]
    stream = key_stream(words_of(bytes.fromhex(key)), words_of(bytes.fromhex(nonce)), 16, counter)
    assert stream.numpy().tobytes().hex() == expected


def test_published_derived_key():
    """draft-irtf-cfrg-xchacha-03, section 2.2.1."""
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    key = derived_key(words_of(bytes(range(32))), words_of(nonce))
    assert key.numpy().tobytes().hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"


@settings(max_examples=30, deadline=None)
@given(
    st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12), st.integers(0, 2**31), st.integers(0, 90)
)
def test_any_key_nonce_counter_and_length(key, nonce, counter, words):
    stream = key_stream(words_of(key), words_of(nonce), words, counter).numpy()
    assert np.array_equal(stream, reference(key, counter.to_bytes(4, "little") + nonce, words))


@pytest.mark.parametrize("pieces", [1.0, 1.01, 3.2])
def test_long_streams_are_made_in_pieces(pieces):
    """Of what is computed at a time: exactly one, one and a little, several; inside a graph, as a hospital does it."""
    words = round(pieces * _BLOCKS_AT_A_TIME * BLOCK_WORDS)
    rng = np.random.default_rng(0)
    key, nonce = rng.bytes(32), rng.bytes(12)
    stream = tf.function(lambda k, n: key_stream(k, n, words, 7))(words_of(key), words_of(nonce))
    assert stream.shape == (words,)
    assert np.array_equal(stream.numpy(), reference(key, (7).to_bytes(4, "little") + nonce, words))


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=24, max_size=24))
def test_extended_nonces(key, nonce):
    """HChaCha20 is a block of ChaCha20 without the last addition, which is taken off here."""
    block = reference(key, nonce[:16], 16)
    start = np.concatenate([words_of(b"expand 32-byte k"), words_of(key), words_of(nonce[:16])])
    rounds = block - start
    own_key = np.concatenate([rounds[:4], rounds[12:]])
    assert np.array_equal(derived_key(words_of(key), words_of(nonce[:16])).numpy(), own_key)
    stream = extended_key_stream(words_of(key), words_of(nonce), 40).numpy()
    assert np.array_equal(stream, reference(own_key.tobytes(), bytes(8) + nonce[16:], 40))


def test_a_stream_beyond_its_counter_is_refused():
    zeros = tf.zeros([8], tf.uint32)
    with pytest.raises(ValueError, match="4294967296 blocks"):
        key_stream(zeros, zeros[:3], 17, 2**32 - 1)
