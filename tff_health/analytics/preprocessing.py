"""From a hospital's encoded rows to a model's features: imputation, one-hot encoding, scaling.

Fitted once, from the federated statistics of training rows or from the schema alone, and applied inside each hospital:
`transform` is a pure function of the hospital's own rows and of what was fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from data.schema import Schema
from tff_health.analytics.encoder import FeatureEncoder, OneHot
from tff_health.analytics.imputer import FeatureImputer, Imputation, strategies_by_kind
from tff_health.analytics.missing_indicators import MissingIndicators, public_indicators
from tff_health.analytics.preprocessing_sentences import describe
from tff_health.analytics.scaler import (
    Scaling,
    check_public_scaling,
    check_scaling,
    code_shares,
    numeric_scale,
    public_scale,
    share_margin,
    share_scale,
)
from tff_health.analytics.table_statistics import TableStatistics

_FORMAT = 1
_AS_IT_IS = (0.0, 1.0)
_ZERO_ONE_TO_SYMMETRIC = (0.5, 0.5)

Knowledge = Literal["statistics", "private statistics", "public"]
"""What shaped a preprocessing: exact statistics of patients, a differentially private release, or the schema alone."""


@dataclass(frozen=True)
class TablePreprocessor:
    """A fitted, immutable preprocessing; make it with `fit`, `from_schema` or `from_dict`.

    Attributes:
        columns: the table's columns, target included, in the order of the matrices.
        target: the column that is predicted.
        imputers: one a feature, in the table's order.
        encoders: one a feature.
        indicators: features whose missingness is itself a 0/1 column, after all others.
        centre: subtracted from each encoded column; [width].
        scale: then divided by, never 0; [width].
        scaling: the setting, for the report.
        scales_categories: whether 0/1 columns were scaled, for the report.
        knowledge: what shaped it, for the report.
    """

    columns: tuple[str, ...]
    target: str
    imputers: tuple[FeatureImputer, ...]
    encoders: tuple[FeatureEncoder, ...]
    indicators: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    scaling: Scaling
    scales_categories: bool
    knowledge: Knowledge = "statistics"

    @classmethod
    def fit(
        cls,
        statistics: TableStatistics,
        schema: Schema,
        *,
        imputation: Imputation = "mean",
        scaling: Scaling = "standard",
        scale_categories: bool = True,
        one_hot: OneHot = "all",
        missing_indicators: MissingIndicators = False,
    ) -> TablePreprocessor:
        """Fits from statistics alone; no row is seen.

        A code of the codebook that no training row has is treated as a missing cell. A column without any value in
        training is filled with the middle of its public bounds and so carries no information.

        Args:
            statistics: of all hospitals' training rows.
            schema: the statistics' schema.
            imputation: see `imputer.strategies_by_kind`.
            scaling: of numeric columns, see `scaler.numeric_scale`.
            scale_categories: whether 0/1 columns are standardised too, or scaled to -1 and 1; only where `scaling` is
                `standard` or `symmetric-bounds`.
            one_hot: see `FeatureEncoder.fit`.
            missing_indicators: which features get a 0/1 column for missing cells, see `MissingIndicators`. Noisy
                statistics cannot tell which features have one, so `True` is refused with them.

        Raises:
            ValueError: a setting is unknown, or the statistics are of other columns or lack what a setting needs.
        """
        if statistics.schema.names != schema.names:
            raise ValueError("the statistics were computed with another schema: their columns differ")
        check_scaling(scaling, statistics)
        strategies = strategies_by_kind(imputation)
        features = schema.features
        imputers = tuple(FeatureImputer.fit(statistics, column, strategies[column.kind]) for column in features)
        encoders = tuple(FeatureEncoder.fit(column, one_hot) for column in features)
        standardises = scaling == "standard" and scale_categories
        symmetric = scaling == "symmetric-bounds" and scale_categories
        zero_one = _ZERO_ONE_TO_SYMMETRIC if symmetric else _AS_IT_IS
        scales: list[tuple[float, float]] = []
        for column, encoder in zip(features, encoders, strict=True):
            if column.is_numeric:
                scales.append(numeric_scale(statistics, column, scaling))
            elif standardises:
                shares, margin = code_shares(statistics, column.name), share_margin(statistics, column.name)
                scales += [share_scale(shares[code], margin) for code in encoder.codes]
            else:
                scales += [zero_one] * len(encoder.codes)
        missing = {column.name: imputer.missing or 0.0 for column, imputer in zip(features, imputers, strict=True)}
        if missing_indicators is True and not statistics.noise:
            indicators = tuple(name for name, share in missing.items() if share > 0)
        else:
            indicators = public_indicators(schema, missing_indicators)
        for name in indicators:
            margin = share_margin(statistics, name)
            scales.append(share_scale(missing[name], margin) if standardises else zero_one)
        return cls(
            columns=schema.names,
            target=schema.target,
            imputers=imputers,
            encoders=encoders,
            indicators=indicators,
            centre=tuple(centre for centre, _ in scales),
            scale=tuple(scale for _, scale in scales),
            scaling=scaling,
            scales_categories=standardises or symmetric,
            knowledge="private statistics" if statistics.noise else "statistics",
        )

    @classmethod
    def from_schema(
        cls,
        schema: Schema,
        *,
        imputation: Imputation | None = None,
        typical: Mapping[str, float] | None = None,
        scaling: Scaling = "symmetric-bounds",
        reach: float = 1.0,
        scale_categories: bool = False,
        one_hot: OneHot = "all",
        missing_indicators: MissingIndicators = False,
    ) -> TablePreprocessor:
        """Makes a preprocessing of public knowledge alone: no patient's row has any part in it.

        Its cost in privacy is nothing. No code of the codebook counts as unseen, and missingness in the data decides
        nothing, since both are statistics of patients.

        Args:
            schema: the table's columns, whose bounds and codebooks are public.
            imputation: `middle` of the public bounds for numeric columns; `all_zero` or `first` for coded ones;
                default `middle` and `all_zero`. A binary column is one column, so there zero is its first code.
            typical: by numeric feature, a value known from the literature, filled in instead of the middle.
            scaling: of numeric columns, `symmetric-bounds`, `bounds` or `none`; see `scaler.public_scale`.
            reach: `symmetric-bounds` scale to [-reach, reach]. Patients fill little of a public range, so that numbers
                weigh less than 0/1 columns in gradients that are clipped; 2 makes them about equal.
            scale_categories: whether 0/1 columns become -1 and 1; only with `symmetric-bounds`.
            one_hot: see `FeatureEncoder.fit`.
            missing_indicators: `schema`, names of features, or False; see `MissingIndicators`.

        Raises:
            ValueError: a setting is unknown or needs statistics of patients.
        """
        strategies = strategies_by_kind(imputation or {}, numeric="middle", coded="all_zero")
        check_public_scaling(scaling, reach=reach, scale_categories=scale_categories)
        features, typical = schema.features, dict(typical or {})
        for name in typical:
            if name not in [column.name for column in features]:
                raise ValueError(f"typical: {name!r} is no feature of the schema")
        encoders = tuple(FeatureEncoder.fit(column, one_hot) for column in features)
        indicators = public_indicators(schema, missing_indicators)
        zero_one = _ZERO_ONE_TO_SYMMETRIC if scale_categories else _AS_IT_IS
        scales: list[tuple[float, float]] = []
        for column, encoder in zip(features, encoders, strict=True):
            scales += [public_scale(column, scaling, reach)] if column.is_numeric else [zero_one] * len(encoder.codes)
        scales += [zero_one] * len(indicators)
        return cls(
            columns=schema.names,
            target=schema.target,
            imputers=tuple(FeatureImputer.public(c, strategies[c.kind], typical.get(c.name)) for c in features),
            encoders=encoders,
            indicators=indicators,
            centre=tuple(centre for centre, _ in scales),
            scale=tuple(scale for _, scale in scales),
            scaling=scaling,
            scales_categories=scale_categories,
            knowledge="public",
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of `transform`: `age`, `cp=3`, `chol missing`."""
        encoded = tuple(name for encoder in self.encoders for name in encoder.outputs)
        return encoded + tuple(f"{name} missing" for name in self.indicators)

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.centre)

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """A model's features from a hospital's rows.

        Args:
            matrix: float64 [rows, columns] as `Schema.encode` gives it; no rows are fine.

        Returns:
            float32 [rows, width], finite.

        Raises:
            ValueError: the matrix has another number of columns than the schema.
        """
        matrix = self._checked(matrix)
        blocks = []
        for imputer, encoder in zip(self.imputers, self.encoders, strict=True):
            values = matrix[:, self.columns.index(encoder.name)]
            blocks.append(encoder.transform(imputer.transform(values)))
        blocks += [np.isnan(matrix[:, [self.columns.index(name)]]).astype(np.float64) for name in self.indicators]
        encoded = np.concatenate(blocks, axis=1) if blocks else np.empty((len(matrix), 0))
        return ((encoded - np.array(self.centre)) / np.array(self.scale)).astype(np.float32)

    def labels(self, matrix: np.ndarray) -> np.ndarray:
        """int64 [rows]: 1 for the target's second code, from float64 [rows, columns].

        Raises:
            ValueError: a row has no target.
        """
        values = self._checked(matrix)[:, self.columns.index(self.target)]
        if np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0]) + 1
            raise ValueError(f"row {row} has no value of the target {self.target!r}")
        return (values == 1).astype(np.int64)

    def describe(self) -> list[str]:
        """What was done, in sentences for the report."""
        return describe(self)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; `from_dict` restores an equal object."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> TablePreprocessor:
        """Restores what `to_dict` gave, also after a round trip through JSON.

        Raises:
            ValueError: the payload is of another format.
        """
        if payload.get("format") != _FORMAT:
            raise ValueError(f"a preprocessor of format {payload.get('format')!r} cannot be read: fit it again")
        try:
            return cls(
                columns=tuple(payload["columns"]),
                target=payload["target"],
                imputers=tuple(
                    FeatureImputer(p["fill"], p["strategy"], p["missing"], tuple(p["unseen"]))
                    for p in payload["imputers"]
                ),
                encoders=tuple(
                    FeatureEncoder(p["name"], tuple(p["codes"]), tuple(p["outputs"])) for p in payload["encoders"]
                ),
                indicators=tuple(payload["indicators"]),
                centre=tuple(payload["centre"]),
                scale=tuple(payload["scale"]),
                scaling=payload["scaling"],
                scales_categories=payload["scales_categories"],
                knowledge=payload.get("knowledge", "statistics"),
            )
        except KeyError as error:
            raise ValueError(f"the preprocessor's description lacks {error}: fit it again") from error

    def _checked(self, matrix: np.ndarray) -> np.ndarray:
        matrix = np.asarray(matrix, np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.columns):
            raise ValueError(
                f"rows have shape {matrix.shape}, but the preprocessor was fitted on {len(self.columns)} columns"
            )
        return matrix
