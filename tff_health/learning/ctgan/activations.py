"""The ends of a generator: tanh and Gumbel softmax by segment, a few kernels however many segments there are."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from data.encoded_layout import EncodedLayout


class SegmentActivations:
    """Activations of all segments of a row at once.

    Args:
        layout: of the rows.
        temperature: of the Gumbel softmax (Jang et al. 2017, arXiv 1611.01144).
    """

    def __init__(self, layout: EncodedLayout, temperature: float = 0.2) -> None:
        self._temperature = temperature
        segments = layout.segments
        self._segment_of_entry = np.repeat(np.arange(len(segments)), [s.size for s in segments])
        longest = max(segment.size for segment in segments)
        # Shorter segments repeat their first entry, which changes no maximum.
        self._entries = np.array([[s.start + (k if k < s.size else 0) for k in range(longest)] for s in segments])
        self._same_segment = (self._segment_of_entry[:, None] == self._segment_of_entry).astype(np.float32)
        self._is_number = np.array([s.activation == "tanh" for s in segments])[self._segment_of_entry]

    def __call__(self, logits: tf.Tensor, gumbel: tf.Tensor) -> tf.Tensor:
        """Numbers by tanh, one-hot vectors by softmax((logits + gumbel) / temperature).

        Args:
            logits: [rows, width].
            gumbel: [rows, width], standard Gumbel noise; its entries at numbers are not used.
        """
        noisy = (logits + gumbel) / self._temperature
        exponentials = tf.exp(noisy - self._maxima(noisy))
        shares = exponentials / tf.matmul(exponentials, self._same_segment)
        return tf.where(self._is_number, tf.tanh(logits), shares)

    def cross_entropy(self, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Of the one-hot vectors that are asked for: the mean over rows of -log softmax(logits) at the targets.

        Args:
            logits: [rows, width].
            targets: [rows, width], ones at the entries asked for.
        """
        maxima = self._maxima(logits)
        normalisers = tf.math.log(tf.matmul(tf.exp(logits - maxima), self._same_segment)) + maxima
        return tf.reduce_mean(tf.reduce_sum(targets * (normalisers - logits), 1))

    def _maxima(self, values: tf.Tensor) -> tf.Tensor:
        """The largest value of its segment, at every entry; without gradient, which cancels in a softmax."""
        maxima = tf.reduce_max(tf.gather(tf.stop_gradient(values), self._entries, axis=1), 2)
        return tf.gather(maxima, self._segment_of_entry, axis=1)
