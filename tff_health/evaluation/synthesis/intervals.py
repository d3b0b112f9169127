"""Bootstrap intervals of synthetic rows' metrics on one split; over several, take `evaluation/t_interval.py`.

They answer "what would other rows have given?", with the generator as it is: neither another run of training nor other
training patients are in them. What is drawn with replacement:

- `tstr`, `trtr`, `augmented`: the held-out patients; the classifiers stay as they are;
- `detection`: the rows, real and synthetic ones apart, each with its cross-validated score;
- `coverage`, and repeated rows of `collapse`: the rows, each with its own term, the neighbours staying as they are,
  because a row drawn twice would be its own neighbour;
- `fidelity`, the rest of `collapse` and users' metrics: the rows of all tables, and the metric is computed anew.
  Tables drawn from tables are less alike than these were, so the resampled values are shifted to have the metric's own
  value as their mean: the width is the bootstrap's, the place is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from tff_health.evaluation.bootstrap import LEVEL, Interval, check_settings, patient_weights, percentile_interval
from tff_health.evaluation.synthesis.binning import positions
from tff_health.evaluation.synthesis.collapse import CollapseReference, collapse_metrics, comparable_rows, repeats
from tff_health.evaluation.synthesis.coverage import AGAINST, table_coverage_terms
from tff_health.evaluation.synthesis.detection import detection_scores
from tff_health.evaluation.synthesis.fidelity import compare
from tff_health.evaluation.synthesis.registry import family_metrics, resolve_synthesis_metrics
from tff_health.evaluation.synthesis.tables import SynthesisTables
from tff_health.evaluation.synthesis.utility import HeldOutPredictions, utility_predictions

RESAMPLES = 200
_DRAW = 4
_UTILITY = ("tstr", "trtr", "augmented")

# By metric: its value, then its values on the resamples.
_Resampled = dict[str, np.ndarray]


def synthesis_intervals(
    tables: SynthesisTables,
    names: Iterable[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Evaluates synthetic rows with an interval for every metric.

    Args:
        tables: real training rows, held-out rows and synthetic ones.
        names: families and users' metrics; all by default.
        resamples: drawn; the quantiles of 200 are good to a few hundredths of the interval's width.
        level: coverage aimed at.

    Returns:
        Full name -> interval, names as in `registry.synthesis_metrics`; `n` counts the held-out patients for utility,
        else the training or the synthetic rows, whichever are fewer.

    Raises:
        UnknownNameError: a name is unknown.
        MetricError: a user's metric failed.
        ValueError: the number of resamples or the level makes no sense.
    """
    check_settings(resamples, level)
    intervals: dict[str, Interval] = {}
    for name in resolve_synthesis_metrics(names):
        rng = tables.rng(_DRAW)
        if name in _UTILITY:
            found = held_out_intervals(utility_predictions(tables, name), rng, resamples=resamples, level=level)
            intervals.update({f"{name}/{key}": interval for key, interval in found.items()})
            continue
        rows = min(len(tables.train), len(tables.synthetic))
        resampled = _resampled(name, tables, resamples, rng)
        intervals.update({full: _interval(values, rows, level) for full, values in resampled.items()})
    return intervals


def held_out_intervals(
    predictions: HeldOutPredictions,
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Intervals of classifiers' accuracy and AUC over other held-out patients; the classifiers stay as they are.

    Args:
        predictions: of one set of classifiers.
        rng: source of the draws; the same state draws the same patients for all predictions.
        resamples: drawn.
        level: coverage aimed at.

    Returns:
        `CLASSIFIER/accuracy`, ..., `mean/auc` -> interval.

    Raises:
        ValueError: the number of resamples or the level makes no sense.
    """
    check_settings(resamples, level)
    rows = len(predictions.truth)
    by_key = predictions.metrics(_weights(rows, resamples, rng))
    return {name: _interval(values, rows, level) for name, values in by_key.items()}


def _resampled(name: str, tables: SynthesisTables, resamples: int, rng: np.random.Generator) -> _Resampled:
    if name in _FAMILIES:
        return {f"{name}/{key}": values for key, values in _FAMILIES[name](tables, resamples, rng).items()}
    drawn = [family_metrics(name, tables.resample(rng)) for _ in range(resamples)]
    return _centred(family_metrics(name, tables), drawn)


def _detection(tables: SynthesisTables, resamples: int, rng: np.random.Generator) -> _Resampled:
    scores = detection_scores(tables)
    return scores.metrics(_weights(len(scores.synthetic), resamples, rng, scores.synthetic))


def _coverage(tables: SynthesisTables, resamples: int, rng: np.random.Generator) -> _Resampled:
    return {
        f"{against}/{name}": _means(by_row, resamples, rng)
        for against in AGAINST
        for name, by_row in table_coverage_terms(tables, against).items()
    }


def _fidelity(tables: SynthesisTables, resamples: int, rng: np.random.Generator) -> _Resampled:
    def measure(real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
        return compare(real, synthetic, tables.schema)

    return _redrawn_rows(measure, tables.train_rows, tables.synthetic_rows, resamples, rng)


def _collapse(tables: SynthesisTables, resamples: int, rng: np.random.Generator) -> _Resampled:
    def measure(real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
        return CollapseReference.fit(real, tables.schema).measure(synthetic)

    synthetic = comparable_rows(tables)
    values = _redrawn_rows(measure, tables.train_rows, synthetic, resamples, rng)
    bins = CollapseReference.fit(tables.train_rows, tables.schema).bins
    for prefix, rows in (("", synthetic), ("real_", tables.train_rows)):
        values[f"{prefix}duplicates"] = _means(repeats(rows), resamples, rng)
        values[f"{prefix}binned_duplicates"] = _means(repeats(positions(rows, bins)), resamples, rng)
    return {name: values[name] for name in collapse_metrics(tables)}


_FAMILIES: Mapping[str, Callable[[SynthesisTables, int, np.random.Generator], _Resampled]] = {
    "fidelity": _fidelity,
    "detection": _detection,
    "coverage": _coverage,
    "collapse": _collapse,
}


def _redrawn_rows(
    measure: Callable[[np.ndarray, np.ndarray], Mapping[str, float]],
    real: np.ndarray,
    synthetic: np.ndarray,
    resamples: int,
    rng: np.random.Generator,
) -> _Resampled:
    """A measure in [0, 1] of encoded rows, computed anew on rows drawn with replacement."""
    value = measure(real, synthetic)
    drawn = [
        measure(
            real[rng.integers(len(real), size=len(real))], synthetic[rng.integers(len(synthetic), size=len(synthetic))]
        )
        for _ in range(resamples)
    ]
    return {name: np.clip(shifted, 0, 1) for name, shifted in _centred(value, drawn).items()}


def _centred(value: Mapping[str, float], drawn: Sequence[Mapping[str, float]]) -> _Resampled:
    centred = {}
    for name, own in value.items():
        # A resample can lack what a name needs, such as a column with any value.
        values = np.array([other.get(name, np.nan) for other in drawn])
        usable = values[~np.isnan(values)]
        shift = own - usable.mean() if len(usable) else 0.0
        centred[name] = np.concatenate([[own], values + shift])
    return centred


def _weights(rows: int, resamples: int, rng: np.random.Generator, strata: np.ndarray | None = None) -> np.ndarray:
    """float64 [1 + resamples, rows]; the first row is the rows as they are."""
    return np.vstack([np.ones((1, rows)), patient_weights(rows, resamples, rng, strata)])


def _means(by_row: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    return _weights(len(by_row), resamples, rng) @ by_row / len(by_row)


def _interval(values: np.ndarray, rows: int, level: float) -> Interval:
    return percentile_interval(float(values[0]), values[1:], rows, 1, level)
