"""A fitted one-dimensional Gaussian mixture, in a column's own unit. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_ONE_VALUE = 1.0 - 1e-6  # a single value in a component of its own counts 1, but for its share in the others


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """The components of one column, all four arrays float64 [components].

    Attributes:
        weights: expected shares, positive, of sum 1.
        means: in the column's unit.
        deviations: standard deviations in the column's unit, above 0.
        counts: expected numbers of values in each.
        iterations: of expectation and maximisation.
        converged: whether the lower bound had settled.
        lower_bound: of the evidence, in nats without constants, as scikit-learn counts it on values scaled to [0, 1].
    """

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    counts: np.ndarray
    iterations: int = 0
    converged: bool = True
    lower_bound: float = float("nan")

    def __post_init__(self) -> None:
        shape = np.shape(self.weights)
        others = (self.means, self.deviations, self.counts)
        if len(shape) != 1 or shape[0] < 1 or any(np.shape(other) != shape for other in others):
            raise ValueError("weights, means, deviations and counts must be vectors of one length, 1 or more")
        if not (np.all(self.weights >= 0) and np.all(self.deviations > 0) and np.isfinite(self.means).all()):
            raise ValueError("weights must not be negative, deviations must be above 0 and means finite")

    def kept(self, least_weight: float) -> GaussianMixture:
        """The components above a weight that hold a value at all, or else the heaviest one; in order of the means.

        The prior alone gives an empty component a weight of about one row's share, which in a small table is above
        any fixed threshold.

        Args:
            least_weight: what a kept component's weight exceeds.

        Returns:
            The kept ones, their weights scaled to the sum 1.
        """
        chosen = np.flatnonzero((self.weights > least_weight) & (self.counts >= _ONE_VALUE))
        if not len(chosen):
            chosen = np.array([int(np.argmax(self.weights))])
        chosen = chosen[np.argsort(self.means[chosen], kind="stable")]
        weights = self.weights[chosen]
        return replace(
            self,
            weights=weights / weights.sum(),
            means=self.means[chosen],
            deviations=self.deviations[chosen],
            counts=self.counts[chosen],
        )
