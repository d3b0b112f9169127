"""Settings of the variational mixtures. Cheap to import."""

from __future__ import annotations

import math
from dataclasses import dataclass

from data.errors import SettingsError


@dataclass(frozen=True)
class MixtureSettings:
    """How a column's Gaussian mixture is fitted; the defaults are scikit-learn's for `BayesianGaussianMixture`.

    The concentration, the number of modes and the share below which a mode is dropped are those known of CTGAN
    (arXiv 1907.00503, section 4.2, names the method; the numbers are of its published settings).

    Attributes:
        max_modes: components of the truncated Dirichlet process, 1 or more.
        concentration: of the Dirichlet process, above 0: the smaller, the fewer modes survive.
        max_iterations: of expectation and maximisation, 1 or more.
        tolerance: the change of the lower bound (nats, summed over rows) below which a column has converged.
        regularisation: added to each component's variance, relative to the squared width of the public bounds.
        least_weight: modes of this weight or less are dropped, in [0, 1).
    """

    max_modes: int = 10
    concentration: float = 0.001
    max_iterations: int = 100
    tolerance: float = 1e-3
    regularisation: float = 1e-6
    least_weight: float = 0.005

    def __post_init__(self) -> None:
        for name in ("max_modes", "max_iterations"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} of the mixtures must be 1 or more, not {getattr(self, name)}.")
        for name in ("concentration", "regularisation"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(f"{name} of the mixtures must be above 0 and finite, not {value}.")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise SettingsError(f"tolerance of the mixtures must be 0 or more, not {self.tolerance}.")
        if not 0 <= self.least_weight < 1:
            raise SettingsError(f"least_weight of the mixtures must lie in [0, 1), not {self.least_weight}.")
