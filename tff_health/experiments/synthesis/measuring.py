"""What is measured of one synthetic table, and of the real one beside it, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from data.federation import Federation
from tff_health.evaluation.anonymity.metrics import anonymity_metrics
from tff_health.evaluation.synthesis.intervals import held_out_intervals, synthesis_intervals
from tff_health.evaluation.synthesis.registry import resolve_synthesis_metrics, synthesis_metrics
from tff_health.evaluation.synthesis.tables import SynthesisTables
from tff_health.evaluation.synthesis.utility import HeldOutPredictions, predict_held_out, training_note
from tff_health.experiments.generators.cells import finite_intervals, plain_metrics
from tff_health.experiments.synthesis.augmentation import FederatedAugmentation
from tff_health.experiments.synthesis.comparison import compared, shown, summarised
from tff_health.experiments.synthesis.fitting import Part
from tff_health.experiments.synthesis.membership import attack_control, membership_attacks
from tff_health.experiments.synthesis.settings import EvaluationSettings
from tff_health.runtime.seeds import generator

_UTILITY = ("tstr", "trtr", "augmented")
_RESAMPLES = 100


def measure_real(
    federation: Federation, *, only: bool, seed: int, augmentation: FederatedAugmentation | None, control: bool
) -> dict[str, Any]:
    """Classifiers on real rows, and the anonymity of the real training table.

    Args:
        federation: one split.
        only: whether there is no other split, so that intervals must come from within it.
        seed: of forests and resamples.
        augmentation: trains a federated classifier, for comparison with one on real and synthetic rows; None for none.
        control: whether to run the attacks' own control.
    """
    schema = federation.schema
    train, test = training_table(federation), held_out_table(federation)
    predictions = predict_held_out(train, test, schema, seed)
    metrics: dict[str, Any] = _utility("trtr", predictions, federation)
    metrics |= anonymity_metrics(train, schema, population=pd.concat([train, test], ignore_index=True))
    if augmentation is not None:
        metrics |= {f"trtr/federated/{name}": value for name, value in augmentation.scores().items()}
    return {
        "metrics": plain_metrics(metrics),
        "intervals": finite_intervals(_within("trtr", predictions, seed)) if only else {},
        "rows": len(train),
        "test_rows": len(test),
        "table": summarised(train, schema),
        "control": attack_control(federation, seed) if control else {},
    }


def measure_synthetic(
    federation: Federation,
    table: pd.DataFrame,
    part: Part,
    chosen: EvaluationSettings,
    *,
    first: bool,
    only: bool,
    augmentation: FederatedAugmentation | None,
    seed: int,
) -> dict[str, Any]:
    """Everything about one synthetic table.

    Args:
        federation: one split.
        table: synthetic rows.
        part: whose rows its generator was fitted on.
        chosen: what to measure.
        first: whether this is the first split, whose tables are kept and which has the slow attacks.
        only: whether there is no other split, so that intervals must come from within it.
        augmentation: trains classifiers on real and synthetic rows; None for none.
        seed: of forests, attacks and resamples.
    """
    schema = federation.schema
    everybody, test = training_table(federation), held_out_table(federation)
    train = schema.decode(part.at_hand)
    tables = SynthesisTables(train, test, table, schema, seed)
    predictions = {"tstr": predict_held_out(table, test, schema, seed)}
    metrics: dict[str, Any] = _utility("tstr", predictions["tstr"], federation)
    families = [name for name in resolve_synthesis_metrics(None) if name not in _UTILITY]
    if not chosen.fidelity:
        families = [name for name in families if name not in ("fidelity", "detection", "coverage", "collapse")]
    metrics |= synthesis_metrics(tables, families)
    if augmentation is not None:
        both = pd.concat([everybody, table], ignore_index=True)
        predictions["augmented"] = predict_held_out(both, test, schema, seed)
        metrics |= _utility("augmented", predictions["augmented"], federation, hospitals=False)
        metrics |= {f"augmented/federated/{name}": value for name, value in augmentation.scores(table).items()}
    intervals: dict[str, Any] = {}
    notes = [training_note(table, schema)]
    if chosen.disclosure:
        population = pd.concat([everybody, test], ignore_index=True)
        metrics |= anonymity_metrics(table, schema, population=population)
        found_risks = _disclosure(
            train, _holdout(federation, part), table, federation, chosen.anonymeter and first, seed
        )
        metrics |= {name: risk.value for name, risk in found_risks.items()}
        intervals |= {name: [risk.low, risk.high] for name, risk in found_risks.items() if risk.low is not None}
    if only:
        for name, predicted in predictions.items():
            intervals |= _within(name, predicted, seed)
        within = synthesis_intervals(tables, families, resamples=_RESAMPLES)
        intervals |= {name: [interval.low, interval.high] for name, interval in within.items()}
    attacks: dict[str, Any] = {}
    if chosen.membership:
        attacks, note = membership_attacks(federation, table, part, seed=seed)
        notes.append(note)
    document: dict[str, Any] = {
        "metrics": plain_metrics(metrics),
        "intervals": finite_intervals(intervals),
        "attacks": attacks,
        "rows": len(table),
        "test_rows": len(test),
        "notes": [note for note in notes if note],
    }
    if first:
        document |= {
            "table": summarised(table, schema),
            "comparison": compared(train, table, schema),
            "sample": shown(table, schema),
        }
    return document


def training_table(federation: Federation) -> pd.DataFrame:
    """Every training row; for scoring alone, which happens outside the hospitals' walls in this simulation only."""
    return pd.concat([hospital.train for hospital in federation.members], ignore_index=True)


def held_out_table(federation: Federation) -> pd.DataFrame:
    """Every held-out row, hospital after hospital."""
    return pd.concat([hospital.test for hospital in federation.scored], ignore_index=True)


def _holdout(federation: Federation, part: Part) -> pd.DataFrame:
    """Held-out rows of the hospitals that trained; of all where these have none."""
    own = [hospital.test for hospital in federation.scored if hospital.name in part.hospitals]
    return pd.concat(own, ignore_index=True) if own else held_out_table(federation)


def _utility(
    name: str, predictions: HeldOutPredictions, federation: Federation, *, hospitals: bool = True
) -> dict[str, float]:
    """Accuracy and AUC of every classifier on all held-out patients, and the classifiers' mean on each hospital's."""
    found = {f"{name}/{key}": float(values[0]) for key, values in predictions.metrics().items()}
    scored = federation.scored
    if hospitals and len(scored) > 1:
        owner = np.repeat(np.arange(len(scored)), [len(hospital.test) for hospital in scored])
        weights = (owner == np.arange(len(scored))[:, None]).astype(np.float64)
        by_hospital = predictions.metrics(weights)
        for place, hospital in enumerate(scored):
            for measure in ("accuracy", "auc"):
                found[f"hospital/{hospital.name}/{name}/mean/{measure}"] = float(by_hospital[f"mean/{measure}"][place])
    return found


def _within(name: str, predictions: HeldOutPredictions, seed: int) -> dict[str, list[float]]:
    """Ends of the intervals over held-out patients; all tables of a split are asked of the same drawn ones."""
    rng = generator(seed, "held-out patients")
    found = held_out_intervals(predictions, rng, resamples=_RESAMPLES)
    return {f"{name}/{key}": [interval.low, interval.high] for key, interval in found.items()}


def _disclosure(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    table: pd.DataFrame,
    federation: Federation,
    thorough: bool,
    seed: int,
) -> Mapping[str, Any]:
    from tff_health.evaluation.disclosure.closest_record import closest_record_metrics
    from tff_health.evaluation.disclosure.metrics import disclosure_metrics

    rng = generator(seed, "disclosure")
    if thorough:
        return disclosure_metrics(train, holdout, table, federation.schema, rng=rng)
    near = closest_record_metrics(train, holdout, table, federation.schema, rng=rng)
    return {f"disclosure/{name}": value for name, value in near.items()}
