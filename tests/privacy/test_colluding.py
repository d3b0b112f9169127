"""What a hospital that takes its own share of the noise off is left with."""

from __future__ import annotations

import dp_accounting as dp
import numpy as np
import pytest

from data.errors import SettingsError
from tff_health.privacy.colluding import with_fewer_shares


def test_gaussian_noise_loses_a_share_wherever_it_stands() -> None:
    """Of five shares four are left: .8 of the variance."""
    left = 2 * np.sqrt(0.8)
    event = dp.ComposedDpEvent(
        [dp.GaussianDpEvent(2), dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(2)), 3)]
    )
    first, repeated = with_fewer_shares(event, 5).events
    assert first.noise_multiplier == pytest.approx(left)
    assert (repeated.count, repeated.event.sampling_probability) == (3, 0.1)
    assert repeated.event.event.noise_multiplier == pytest.approx(left)


def test_noise_that_does_not_add_up_from_shares_is_refused() -> None:
    with pytest.raises(SettingsError, match="LaplaceDpEvent"):
        with_fewer_shares(dp.ComposedDpEvent([dp.LaplaceDpEvent(2)]), 5)
