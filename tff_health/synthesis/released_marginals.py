"""What a private CTGAN starts from, out of the released encoding: post-processing of one noisy release."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tff_health.analytics.table_codec.codec import TableCodec
from tff_health.analytics.table_codec.fitted import FittedCodec
from tff_health.analytics.table_codec.numeric_column import NumericColumn
from tff_health.learning.ctgan.public_marginals import ModeValues, PublicMarginals


def released_marginals(fitted: FittedCodec, target: str) -> PublicMarginals:
    """The columns' marginals by entry of an encoded row.

    Shares are kept above half a row, since a released count of zero may be noise.

    Args:
        fitted: of `fit_private_codec`.
        target: the label column.
    """
    layout = fitted.codec.layout
    columns = {column.name: column for column in fitted.codec.columns}
    shares = np.zeros(layout.width, np.float32)
    numbers = []
    for before, segment in zip((None, *layout.segments), layout.segments, strict=False):
        if segment.activation == "tanh":
            continue
        column = columns[segment.column]
        if isinstance(column, NumericColumn):
            assert before is not None
            missing = fitted.missing.get(column.name, 0.0)
            counts = np.array(column.weights) * (1 - missing)
            numbers.append(_values(column, before.start, segment))
            counts = np.append(counts, missing) if column.missing else counts
        else:
            counts = np.asarray(fitted.counts[segment.column], np.float64)
        counts = counts / counts.sum() if counts.sum() > 0 else np.ones(segment.size)
        counts = np.maximum(counts, 0.5 / fitted.rows)
        shares[segment.start : segment.stop] = counts / counts.sum()
    return PublicMarginals(layout, target, shares, tuple(numbers))


def _values(column: NumericColumn, alpha: int, modes: Any) -> ModeValues:
    weights, means, deviations, reaches = (
        np.array(values) for values in (column.weights, column.means, column.deviations, column.reaches)
    )
    mean = weights @ means
    deviation = np.sqrt(max(weights @ (means**2 + deviations**2) - mean**2, 1e-12))
    scaled = ((means - mean) / deviation, reaches / deviation, np.minimum(deviations / reaches, 1.0))
    return ModeValues(alpha, modes, *(np.asarray(part, np.float32) for part in scaled))


def fitted_to_json(fitted: FittedCodec) -> str:
    """The released encoding as text, for checkpoints; `fitted_from_json` gives it back exactly."""
    return json.dumps(
        {
            "codec": fitted.codec.to_dict(),
            "counts": {name: np.asarray(values).tolist() for name, values in fitted.counts.items()},
            "rows": fitted.rows,
            "noise": float(fitted.noise),
            "converged": {name: bool(value) for name, value in fitted.converged.items()},
            "missing": dict(fitted.missing),
        }
    )


def fitted_from_json(text: str) -> FittedCodec:
    """The inverse of `fitted_to_json`."""
    parts = json.loads(text)
    parts["codec"] = TableCodec.from_dict(parts["codec"])
    parts["counts"] = {name: np.array(values, np.float64) for name, values in parts["counts"].items()}
    return FittedCodec(**parts)
