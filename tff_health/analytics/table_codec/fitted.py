"""A fitted encoding with the counts of categories that training needs. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tff_health.analytics.table_codec.codec import TableCodec


@dataclass(frozen=True, eq=False)
class FittedCodec:
    """What fitting an encoding leaves behind.

    Attributes:
        codec: the encoding.
        counts: by coded column, float64 [size of its segment]: rows of all hospitals by category, the position for
            missing included; not negative.
        rows: of all hospitals.
        noise: standard deviation of the noise that the released counts had, 0 without a guarantee.
        converged: by numeric column, whether its mixture had settled.
        missing: by numeric column that can be missing, the released share of missing cells; private fits only.
    """

    codec: TableCodec
    counts: Mapping[str, np.ndarray]
    rows: int
    noise: float
    converged: Mapping[str, bool]
    missing: Mapping[str, float] = field(default_factory=dict)
