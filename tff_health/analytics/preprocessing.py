"""From a hospital's encoded rows to a model's features: imputation, one-hot encoding, scaling.

Fitted once, from the federated statistics of training rows, and applied inside each hospital: `transform` is a pure
function of the hospital's own rows and of what was fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data.schema import Schema
from tff_health.analytics.encoder import FeatureEncoder, OneHot
from tff_health.analytics.imputer import FeatureImputer, Imputation, strategies_by_kind
from tff_health.analytics.scaler import Scaling, check_scaling, code_shares, numeric_scale, share_scale
from tff_health.analytics.table_statistics import TableStatistics

_FORMAT = 1


@dataclass(frozen=True)
class TablePreprocessor:
    """A fitted, immutable preprocessing; make it with `fit` or `from_dict`.

    Attributes:
        columns: the table's columns, target included, in the order of the matrices.
        target: the column that is predicted.
        imputers: one a feature, in the table's order.
        encoders: one a feature.
        indicators: features whose missingness is itself a 0/1 column, after all others.
        centre: subtracted from each encoded column; [width].
        scale: then divided by, never 0; [width].
        scaling: the setting, for the report.
        scales_categories: the setting, for the report.
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
        missing_indicators: bool = False,
    ) -> TablePreprocessor:
        """Fits from statistics alone; no row is seen.

        A code of the codebook that no training row has is treated as a missing cell. A column without any value in
        training is filled with the middle of its public bounds and so carries no information.

        Args:
            statistics: of all hospitals' training rows.
            schema: the statistics' schema.
            imputation: see `imputer.strategies_by_kind`.
            scaling: of numeric columns, see `scaler.numeric_scale`.
            scale_categories: whether 0/1 columns are standardised too; only where `scaling` is `standard`.
            one_hot: see `FeatureEncoder.fit`.
            missing_indicators: whether a 0/1 column is added for each feature with a missing training cell.

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
        scales: list[tuple[float, float]] = []
        for column, encoder in zip(features, encoders, strict=True):
            if column.is_numeric:
                scales.append(numeric_scale(statistics, column, scaling))
                continue
            shares = code_shares(statistics, column.name)
            scales += [share_scale(shares[code]) if standardises else (0.0, 1.0) for code in encoder.codes]
        indicators: tuple[str, ...] = ()
        if missing_indicators:
            flagged = [(f.name, i.missing) for f, i in zip(features, imputers, strict=True) if i.missing > 0]
            indicators = tuple(name for name, _ in flagged)
            scales += [share_scale(share) if standardises else (0.0, 1.0) for _, share in flagged]
        return cls(
            columns=schema.names,
            target=schema.target,
            imputers=imputers,
            encoders=encoders,
            indicators=indicators,
            centre=tuple(centre for centre, _ in scales),
            scale=tuple(scale for _, scale in scales),
            scaling=scaling,
            scales_categories=standardises,
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
        sentences = []
        filled = [
            f"{encoder.name} ({imputer.missing:.1%}, {imputer.strategy.replace('_', ' ')})"
            for imputer, encoder in zip(self.imputers, self.encoders, strict=True)
            if imputer.missing > 0
        ]
        sentences.append(
            "Missing cells were filled in with statistics of all hospitals' training rows: " + ", ".join(filled) + "."
            if filled
            else "No feature had a missing cell in training."
        )
        empty = [e.name for i, e in zip(self.imputers, self.encoders, strict=True) if i.missing >= 1]
        if empty:
            sentences.append(f"No training row has a value of {', '.join(empty)}: nothing was learnt from it.")
        unseen = [e.name for i, e in zip(self.imputers, self.encoders, strict=True) if i.unseen and i.missing < 1]
        if unseen:
            sentences.append(
                f"The codebook of {', '.join(unseen)} has codes that no training row has; they count as missing."
            )
        if self.indicators:
            sentences.append(f"A 0/1 column marks missing cells of {', '.join(self.indicators)}.")
        coded = [f"{e.name} ({len(e.codes)})" for e in self.encoders if e.outputs != (e.name,)]
        if coded:
            sentences.append(f"Categories became 0/1 columns: {', '.join(coded)}.")
        likewise = ""
        if self.indicators or any(encoder.codes for encoder in self.encoders):
            likewise = ", 0/1 columns likewise" if self.scales_categories else "; 0/1 columns were left alone"
        sentences.append(
            {
                "standard": "Numbers were standardised with the mean and standard deviation over all hospitals"
                f"{likewise}.",
                "min-max": "Numbers were scaled to 0-1 with the minimum and maximum over all hospitals.",
                "bounds": "Numbers were scaled to 0-1 with the schema's public bounds.",
                "none": "Numbers were not scaled.",
            }[self.scaling]
        )
        sentences.append(f"The model sees {self.width} feature{'s' if self.width != 1 else ''}.")
        return sentences

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
