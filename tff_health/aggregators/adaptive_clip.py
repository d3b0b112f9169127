"""Adaptive clipping (Andrew et al. 2021, arXiv 1905.03871): fresh noise, and a count fit for zero-out adjacency."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_privacy as tfp

from tff_health.aggregators.fresh_noise import FreshGaussianSumQuery


class _FreshQuantileQuery(tfp.QuantileEstimatorQuery):
    """Follows a quantile of norms by a noisy count to which an empty contribution adds nothing."""

    def _construct_below_estimate_query(self, below_estimate_stddev: float, expected_num_records: float) -> Any:
        # 1/2 is the bound of a record, which the noise multiplier in the state is relative to.
        return tfp.NormalizedQuery(FreshGaussianSumQuery(0.5, below_estimate_stddev), expected_num_records)

    def preprocess_record(self, params: Any, record: tf.Tensor) -> tf.Tensor:
        """+1/2 for a norm up to the estimate, -1/2 for one above, 0 for a norm of 0.

        TensorFlow Privacy counts a norm of 0 as +1/2: for add-or-remove adjacency, where the absent record adds
        nothing, a record then moves the count by 1/2, but a clipped update against an empty one moves it by 1.

        Args:
            params: of `derive_sample_params`.
            record: float32 [], the norm of an update before clipping.
        """
        side = tf.where(record <= params.current_estimate, 0.5, -0.5)
        counted = tf.where(record > 0, side, 0.0)
        return self._below_estimate_query.preprocess_record(params.below_estimate_params, counted)


class AdaptiveClipSumQuery(tfp.QuantileAdaptiveClipSumQuery):
    """A noisy sum of updates, clipped to a bound that follows a quantile of their norms.

    **Sensitivity.** What a hospital adds is its clipped update, of L2 norm at most the clip, and a half with a sign; an
    empty (all-zero) update adds (0, 0). Replacing a contribution by an empty one therefore moves the sum by at most one
    clip and the count by at most 1/2, whatever the update was, which is what Theorem 1 of the paper accounts.

    Args:
        clip: of the first round.
        noise_multiplier: of the noise on the sum of updates.
        target_quantile: share of updates that should stay unclipped.
        learning_rate: of the clip (geometric).
        count_stddev: standard deviation of the noise on the count.
        hospitals: that take part.
    """

    def __init__(
        self,
        clip: float,
        noise_multiplier: float,
        target_quantile: float,
        learning_rate: float,
        count_stddev: float,
        hospitals: float,
    ) -> None:
        super().__init__(clip, noise_multiplier, target_quantile, learning_rate, count_stddev, hospitals)
        # The parent builds both with TensorFlow Privacy's own noise.
        self._sum_query = FreshGaussianSumQuery(clip, noise_multiplier * clip)
        self._quantile_estimator_query = _FreshQuantileQuery(
            clip, target_quantile, learning_rate, count_stddev, hospitals, geometric_update=True
        )
