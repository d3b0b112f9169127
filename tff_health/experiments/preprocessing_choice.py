"""What private arms' preprocessing is made of, from the settings. Imports nothing heavy."""

from __future__ import annotations

from data.schema import Kind
from tff_health.analytics.private_settings import PrivatePreprocessing, PrivateStatistics
from tff_health.experiments.settings import PrivatePreprocessingSettings

# Patients fill little of a public range; at 1 their numbers weigh less than 0/1 columns in clipped gradients.
_REACH = 1.5


def private_preprocessing(settings: PrivatePreprocessingSettings, hospitals: int) -> PrivatePreprocessing:
    """What is made, and how its release is.

    Raises:
        SettingsError: a setting cannot be had with a guarantee.
    """
    release = None
    if settings.mode == "dp":
        assert settings.noise_multiplier is not None
        shared = settings.placement == "shared"
        release = PrivateStatistics(settings.noise_multiplier, settings.placement, hospitals, shared)
    return PrivatePreprocessing(
        mode=settings.mode,
        imputation=_imputation(settings),
        scaling=settings.scaling,
        reach=1.0 if settings.mode == "dp" else settings.reach or _REACH,
        scale_categories=settings.scale_categories,
        one_hot=settings.one_hot,
        release=release,
    )


def _imputation(settings: PrivatePreprocessingSettings) -> dict[Kind, str] | None:
    chosen: dict[Kind, str] = {}
    if settings.numeric_imputation is not None:
        chosen |= {"continuous": settings.numeric_imputation, "integer": settings.numeric_imputation}
    if settings.categorical_imputation is not None:
        chosen |= {"binary": settings.categorical_imputation, "categorical": settings.categorical_imputation}
    return chosen or None
