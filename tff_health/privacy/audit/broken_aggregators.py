"""FOR DEMONSTRATION AND TESTS ONLY: aggregation factories that look private and are not."""

from __future__ import annotations

import tensorflow_federated as tff

_NEVER_REACHED = 1e6  # a clip that clips nothing


def clip_without_noise(hospitals: int, clip: float) -> tff.aggregators.UnweightedAggregationFactory:
    """A mean of clipped updates whose noise was forgotten.

    Args:
        hospitals: in every round.
        clip: L2 bound on a hospital's update.
    """
    return tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
        noise_multiplier=0.0, clients_per_round=hospitals, clip=clip
    )


def noise_without_clip(
    hospitals: int, noise_multiplier: float, clip: float
) -> tff.aggregators.UnweightedAggregationFactory:
    """Gaussian noise fit for `clip`, on updates that nobody clips.

    Args:
        hospitals: in every round.
        noise_multiplier: standard deviation of the noise on the sum over `clip`.
        clip: what the updates were believed to be bounded by.
    """
    return tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
        noise_multiplier=noise_multiplier * clip / _NEVER_REACHED, clients_per_round=hospitals, clip=_NEVER_REACHED
    )
