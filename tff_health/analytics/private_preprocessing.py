"""Preprocessing within the privacy budget: of public knowledge alone, or of one differentially private release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from data.errors import SettingsError
from data.schema import Schema
from tff_health.analytics.encoder import FeatureEncoder
from tff_health.analytics.missing_indicators import public_indicators
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.private_settings import PrivatePreprocessing
from tff_health.analytics.release_layout import ReleaseLayout

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.statistics import Matrix


def needed_release(schema: Schema, settings: PrivatePreprocessing) -> ReleaseLayout:
    """What mode `dp` releases for these settings: `size` entries of L2 `sensitivity`, nothing where size is 0.

    Raises:
        SettingsError: a setting is unknown or cannot be had with a guarantee.
    """
    try:
        # Everything is checked before the release: an error after it would have spent the budget for nothing.
        public_indicators(schema, settings.missing_indicators)
        for column in schema.features:
            FeatureEncoder.fit(column, settings.one_hot)
        return ReleaseLayout.needed(
            schema,
            imputation=settings.imputation or "mean",
            scaling=settings.scaling,
            scale_categories=settings.scale_categories,
            bins=settings.bins,
        )
    except ValueError as error:
        raise SettingsError(f"Private preprocessing: {error}.") from error


def fit_private_preprocessor(
    schema: Schema, matrices: Sequence[Matrix], settings: PrivatePreprocessing
) -> tuple[TablePreprocessor, dp_accounting.DpEvent]:
    """Makes the preprocessor, and says what it cost each patient.

    Mode `public` never looks at `matrices`. Mode `dp` must be called within an execution context, of backend
    `settings.release.backend`; where the settings need no statistic of patients it releases nothing, too.

    Args:
        schema: the columns, in the order of the matrices.
        matrices: one a hospital; training rows only.
        settings: mode and options.

    Returns:
        The preprocessor, and the event for the accountant: a Gaussian release, or a no-op where none was made.

    Raises:
        SettingsError: a setting is unknown, cannot be had with a guarantee, or does not fit the hospitals.
        DataError: mode `dp`, and no row or a matrix that does not fit the schema.
    """
    import dp_accounting

    release = needed_release(schema, settings) if settings.mode == "dp" else None
    if release is None or not release.size or settings.release is None:
        return _public(schema, settings), dp_accounting.NoOpDpEvent()
    from tff_health.analytics.private_statistics import compute_private_statistics

    statistics = compute_private_statistics(schema, matrices, release, settings.release)
    preprocessor = TablePreprocessor.fit(
        statistics,
        schema,
        imputation=settings.imputation or "mean",
        scaling=settings.scaling,
        scale_categories=settings.scale_categories,
        one_hot=settings.one_hot,
        missing_indicators=settings.missing_indicators,
    )
    return preprocessor, settings.release.event()


def _public(schema: Schema, settings: PrivatePreprocessing) -> TablePreprocessor:
    try:
        return TablePreprocessor.from_schema(
            schema,
            imputation=settings.imputation,
            typical=settings.typical,
            scaling=settings.scaling,
            reach=settings.reach,
            scale_categories=settings.scale_categories,
            one_hot=settings.one_hot,
            missing_indicators=settings.missing_indicators,
        )
    except ValueError as error:
        raise SettingsError(f"Public preprocessing: {error}.") from error
