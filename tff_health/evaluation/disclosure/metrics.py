"""All measures of disclosure, by the names they have in results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from data.errors import UnknownNameError
from data.schema import Schema
from tff_health.evaluation.disclosure.closest_record import closest_record_metrics
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate
from tff_health.evaluation.disclosure.inference import inference_metrics
from tff_health.evaluation.disclosure.linkability import linkability_metrics
from tff_health.evaluation.disclosure.singling_out import ATTACKS, singling_out_metrics

GROUPS = ("disclosure", "singling_out", "singling_out_univariate", "linkability", "inference")


def disclosure_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    rng: np.random.Generator,
    groups: Sequence[str] = GROUPS,
    attacks: int = ATTACKS,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """What a synthetic table discloses about its training patients, beside patients it never saw.

    Args:
        train: rows the generator was fitted on, over all hospitals.
        holdout: rows of the same hospitals that it never saw, in about the same shares.
        synthetic: its rows.
        schema: of all three.
        rng: source of all draws; the same state gives the same numbers.
        groups: which of `GROUPS` to compute; what they find does not depend on which others are.
        attacks: singling-out queries of each kind.
        level: coverage of the intervals.

    Returns:
        `disclosure/...` as in `closest_record_metrics`; `singling_out/...` (three columns at once),
        `singling_out_univariate/...`, `linkability/...` and `inference/...` with `risk`, `attack`, `control` and, for
        the last two, `baseline`. What cannot be computed has no value and says why.

    Raises:
        UnknownNameError: there is no such group.
    """
    for group in groups:
        if group not in GROUPS:
            raise UnknownNameError.among("group of disclosure measures", group, GROUPS)
    near, multi, single = rng.spawn(3)
    tables = (train, holdout, synthetic, schema)
    singling = partial(singling_out_metrics, *tables, attacks=attacks, level=level)
    measures: dict[str, Callable[[], dict[str, Estimate]]] = {
        "disclosure": partial(closest_record_metrics, *tables, rng=near, level=level),
        "singling_out": partial(singling, mode="multivariate", rng=multi),
        "singling_out_univariate": partial(singling, mode="univariate", rng=single),
        "linkability": partial(linkability_metrics, *tables, level=level),
        "inference": partial(inference_metrics, *tables, level=level),
    }
    return {f"{group}/{name}": value for group in groups for name, value in measures[group]().items()}
