"""What a hospital that knows its own share of the noise sees of a release."""

from __future__ import annotations

import math

from data.errors import SettingsError
from tff_health.privacy.composition import Event


def with_fewer_shares(event: Event, hospitals: int) -> Event:
    """A Gaussian release as whoever knows one of the shares sees it.

    Raises:
        SettingsError: an event that is not made of Gaussian ones: what is left of its noise is not known.
    """
    import dp_accounting as dp

    left = math.sqrt((hospitals - 1) / hospitals)
    if isinstance(event, dp.GaussianDpEvent):
        return dp.GaussianDpEvent(event.noise_multiplier * left)
    if isinstance(event, dp.PoissonSampledDpEvent):
        return dp.PoissonSampledDpEvent(event.sampling_probability, with_fewer_shares(event.event, hospitals))
    if isinstance(event, dp.SelfComposedDpEvent):
        return dp.SelfComposedDpEvent(with_fewer_shares(event.event, hospitals), event.count)
    if isinstance(event, dp.ComposedDpEvent):
        return dp.ComposedDpEvent([with_fewer_shares(one, hospitals) for one in event.events])
    if isinstance(event, dp.NonPrivateDpEvent | dp.NoOpDpEvent):
        return event
    raise SettingsError(
        f"noise of {type(event).__name__} is not known to add up from hospitals' shares, as Gaussian noise does; set "
        'placement = "each-hospital".'
    )
