"""Fixed, public features of encoded rows: what a private critic sees, and what holds a generator to its marginals."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tff_health.learning.ctgan.public_marginals import PublicMarginals

_WIDEST = 2.0  # standard deviations beyond which a value counts as that


class RowFeatures:
    """Features of a row, each a function of the row alone, in the graph and differentiable.

    Args:
        public: the columns' marginals.
        bound: on the L2 norm of a row's features. Noise is made for the longest row, so that long ones cost dear.
        number_scale: of a standard deviation of a numeric column, beside the 1 of a category.
    """

    def __init__(self, public: PublicMarginals, *, bound: float, number_scale: float = 0.5) -> None:
        self._public, self._bound, self._scale = public, bound, number_scale
        label = public.label_segment
        self._label = slice(label.start, label.stop)
        # The longest of the centred one-hot vectors, that of the rarest label.
        self._longest = float(np.linalg.norm(np.eye(label.size) - public.shares[self._label], axis=1).max())
        self.width = len(public.numbers) + sum(segment.size for segment in public.coded)
        self.label_width = public.label_segment.size

    def features(self, rows: tf.Tensor) -> tf.Tensor:
        """float32 [rows, width]: standardised numbers and centred categories of all columns but the label."""
        shares = tf.constant(self._public.shares)
        parts = []
        for values in self._public.numbers:
            start, alpha = values.modes.start, rows[:, values.alpha : values.alpha + 1]
            modes = rows[:, start : start + len(values.offsets)]
            value = tf.reduce_sum(modes * (values.offsets + values.reaches * alpha), 1, keepdims=True)
            parts.append(self._scale * tf.clip_by_value(value, -_WIDEST, _WIDEST))
        parts += [rows[:, s.start : s.stop] - shares[s.start : s.stop] for s in self._public.coded]
        together = tf.concat(parts, 1)
        norms = tf.sqrt(tf.reduce_sum(tf.square(together), 1, keepdims=True) + 1e-12)
        return together * (self._bound / tf.maximum(norms, self._bound))

    def label(self, rows: tf.Tensor) -> tf.Tensor:
        """float32 [rows, label_width]: the label's one-hot vector, centred, of an L2 norm of at most 1."""
        return (rows[:, self._label] - self._public.shares[self._label]) / self._longest

    def moments(self, rows: tf.Tensor) -> tf.Tensor:
        """float32 [rows, entries]: what `PublicMarginals.moments` are the expectations of."""
        parts = [tf.where(self._public.shares > 0, rows, 0.0)]
        for values in self._public.numbers:
            start, alpha = values.modes.start, rows[:, values.alpha : values.alpha + 1]
            modes = rows[:, start : start + len(values.offsets)]
            parts += [modes * alpha, modes * tf.square(alpha)]
        return tf.concat(parts, 1)
