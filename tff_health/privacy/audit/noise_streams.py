"""Are the hospitals' noises independent, of each other and over rounds?

An epsilon bound from the averaged model cannot see two hospitals that draw the same noise, yet whoever holds both
updates subtracts one from the other. This test looks at coordinates that no patient touches, where an update is
nothing but noise. It sees equal, scaled or negated noise; it does not see noise that is reused in another order of
coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from tff_health.privacy.audit.result import AuditError

_FEWEST_COORDINATES = 8


@dataclass(frozen=True)
class NoiseStreamsResult:
    """The most suspicious pair of noise streams.

    Attributes:
        p_value: that independent Gaussian streams correlate so strongly anywhere, corrected for all pairs (Bonferroni).
        correlation: of the most correlated pair, in [-1, 1]; 1 where a stream has no noise at all.
        first: (round, hospital) of one stream of that pair.
        second: of the other one.
        coordinates: length of each stream.
    """

    p_value: float
    correlation: float
    first: tuple[int, int]
    second: tuple[int, int]
    coordinates: int

    @property
    def flagged(self) -> bool:
        """Whether the streams are dependent beyond chance; a sound mechanism is flagged once in 10^9 audits."""
        return self.p_value < 1e-9

    def sentence(self) -> str:
        """The finding in plain words, counting rounds and hospitals from 1."""
        (round_a, hospital_a), (round_b, hospital_b) = self.first, self.second
        if self.first == self.second:
            return f"FLAGGED: hospital {hospital_a + 1} added no noise in round {round_a + 1}."
        pair = (
            f"hospital {hospital_a + 1} in round {round_a + 1} and hospital {hospital_b + 1} in round {round_b + 1}, "
            f"correlation {self.correlation:.2f} over {self.coordinates} coordinates, p = {self.p_value:.2g}"
        )
        if self.flagged:
            return f"FLAGGED: noise is shared between {pair}."
        return f"No noise is shared between hospitals or rounds; the most alike are {pair}."


def audit_noise_streams(updates: npt.ArrayLike) -> NoiseStreamsResult:
    """Tests every pair of streams for correlation.

    Args:
        updates: each hospital's update on coordinates that no patient influences, [rounds, hospitals, coordinates].
            Inside one such stream the noise must be independent and Gaussian, as DP-SGD's is; tree aggregation's
            residuals, correlated over rounds by design, are not for this test.

    Returns:
        The most suspicious pair.

    Raises:
        AuditError: fewer than two streams or eight coordinates, or values that are not finite.
    """
    values = np.asarray(updates, np.float64)
    if values.ndim != 3 or values.shape[2] < _FEWEST_COORDINATES or values.shape[0] * values.shape[1] < 2:
        raise AuditError(
            f"noise streams need the shape [rounds, hospitals, coordinates] with two streams and {_FEWEST_COORDINATES} "
            f"coordinates at least; got {values.shape}."
        )
    if not np.isfinite(values).all():
        raise AuditError("noise streams hold values that are not finite; the audited process diverged.")
    rounds, hospitals, coordinates = values.shape
    streams = values.reshape(rounds * hospitals, coordinates)
    streams = streams - streams.mean(1, keepdims=True)
    norms = np.linalg.norm(streams, axis=1)
    silent = np.flatnonzero(norms == 0)
    if len(silent):
        place = (int(silent[0]) // hospitals, int(silent[0]) % hospitals)
        return NoiseStreamsResult(0.0, 1.0, place, place, coordinates)
    unit = streams / norms[:, None]
    upper = np.triu_indices(len(unit), 1)
    correlations = np.clip((unit @ unit.T)[upper], -1, 1)
    worst = int(np.argmax(np.abs(correlations)))
    strongest = float(correlations[worst])
    # Under independence (r + 1) / 2 is beta distributed: exact for Gaussian streams (Fisher 1915).
    half = (coordinates - 2) / 2
    single = 2 * float(stats.beta.sf((1 + abs(strongest)) / 2, half, half))
    one, two = int(upper[0][worst]), int(upper[1][worst])
    return NoiseStreamsResult(
        p_value=min(single * len(correlations), 1.0),
        correlation=strongest,
        first=(one // hospitals, one % hospitals),
        second=(two // hospitals, two % hospitals),
        coordinates=coordinates,
    )
