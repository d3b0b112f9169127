"""From finished arms to the document model of results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from data.catalogue import validate_settings
from data.errors import TffHealthError
from tff_health.aggregators.catalogue import CATALOGUE
from tff_health.evaluation.bootstrap import evaluate
from tff_health.evaluation.classification import classification_metrics, confusion_matrix
from tff_health.evaluation.registry import resolve_metrics
from tff_health.evaluation.threshold import choose_threshold
from tff_health.experiments.aggregator_statement import claim_document
from tff_health.experiments.arm_words import DEFAULT_DESCRIPTIONS, METHOD_TITLES
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.attacks import Findings
from tff_health.experiments.baseline_arms import PaperListingArm
from tff_health.experiments.membership_attack import membership_metrics
from tff_health.experiments.prepared import PreparedDataset
from tff_health.experiments.privacy_statements import arm_privacy, ledger_totals
from tff_health.experiments.private_arm import PrivateArm
from tff_health.experiments.selection import Score, best_federated_arm, chosen
from tff_health.experiments.settings import FEDERATED_METHODS, Candidate, DatasetSettings
from tff_health.reporting.hospital_counts import hospital_counts
from tff_health.reporting.results import (
    Arm,
    Confusion,
    DatasetResult,
    Metric,
    Round,
    Selection,
    Statistics,
)
from tff_health.reporting.results import Candidate as CandidateResult
from tff_health.runtime.seeds import generator

# Per-round bands and single hospitals' own models are drawn, not tabulated: fewer resamples serve them.
ROUND_RESAMPLES = 200
_DIVERGED = "; its training diverged (scores are not numbers), so its metrics are left out: lower its learning rate"


def dataset_result(
    dataset: PreparedDataset,
    task: DatasetSettings,
    arms: Mapping[str, ArmRun],
    scores: Sequence[Score],
    *,
    folds: int,
    seed: int,
    resamples: int,
    seconds: Mapping[str, float],
    private_preprocessing: Sequence[str] = (),
    findings: Findings | None = None,
    costs: Mapping[str, Mapping[str, float]] | None = None,
) -> DatasetResult:
    """The results of one dataset.

    Args:
        dataset: prepared hospitals.
        task: the dataset's settings.
        arms: finished arms by name.
        scores: cross-validated candidates.
        folds: of that cross-validation.
        seed: the experiment's seed, for the bootstrap.
        resamples: bootstrap resamples of the final round.
        seconds: median seconds a step, by arm.
        private_preprocessing: sentences on what private arms train on.
        findings: of attacks and audits.
        costs: of a step over hospitals that are apart (`step_costs`), by arm.
    """
    findings = findings or Findings()
    federation = dataset.federation
    results: dict[str, Arm] = {}
    for name, arm in arms.items():
        results |= _arm_results(name, arm, task, seed, resamples, seconds.get(name))
        _add_findings(results[name], findings, name)
        results[name].cost |= (costs or {}).get(name, {})
    return DatasetResult(
        title=task.title or federation.title,
        kind=federation.kind,
        source=federation.source,
        licence=federation.licence,
        target=federation.schema.target,
        positive=federation.schema.positive_label,
        partition=_partition(dataset.name, task),
        protocol=federation.protocol,
        notes=list(federation.notes),
        preprocessing=dataset.preprocessor.describe(),
        selection=_selection(scores, folds, task),
        hospitals=hospital_counts(federation.sizes),
        statistics=_statistics(dataset),
        arms=results,
        private_preprocessing=list(private_preprocessing),
        membership_control=findings.control,
        ledger=ledger_totals(arms),
    )


def _arm_results(
    name: str, arm: ArmRun, task: DatasetSettings, seed: int, resamples: int, seconds: float | None
) -> dict[str, Arm]:
    settings = task.arms[name]
    candidate = arm.candidate
    federated = candidate.method in FEDERATED_METHODS
    title = settings.title or name
    if isinstance(settings.method, list):
        title = f"{title} ({METHOD_TITLES[candidate.method]})"
    parts, repeats = arm.scores.shape[:2]
    thresholds = _thresholds(arm, task.threshold)
    stacked = arm.scores.reshape(parts * repeats, *arm.scores.shape[2:])
    # Arms without rounds have scores of the final one only.
    converged = bool(np.isfinite(stacked[:, -1]).all())
    has_rounds = candidate.method != "logistic-regression"
    common: dict[str, Any] = {"federated": federated, "settings": _shown(candidate)}
    cost: dict[str, float | None] = {}
    if seconds is not None and has_rounds:
        cost["seconds_per_round"] = seconds
    if federated or candidate.method == "paper-listing":
        cost["bytes_up"] = float(_model_bytes(arm))
    whole = Arm(
        title=title,
        description=DEFAULT_DESCRIPTIONS[candidate.method] + ("" if converged else _DIVERGED),
        metrics=_final_metrics(arm, stacked[:, -1], thresholds.reshape(-1), seed, resamples),
        rounds=_rounds(arm, stacked, thresholds.reshape(-1), seed) if has_rounds else [],
        confusion=_confusion(arm, thresholds) if arm.parts == ("",) and converged else None,
        cost=cost,
        privacy=arm_privacy(arm) if isinstance(arm, PrivateArm) else None,
        aggregator_claim=claim_document(candidate.aggregator if federated else "", candidate.rounds),
        secure_aggregation=arm.secure_sums,
        **common,
    )
    results = {name: whole}
    if arm.parts != ("",):
        for index, part in enumerate(arm.parts):
            results[f"{name}/{part}"] = Arm(
                title=f"{part} alone",
                description=f"trained on {part}'s own training patients only",
                metrics=_final_metrics(arm, arm.scores[index, :, -1], thresholds[index], seed, ROUND_RESAMPLES),
                **common,
            )
    return results


def _add_findings(result: Arm, findings: Findings, name: str) -> None:
    result.membership = findings.membership.get(name, {})
    result.audit = findings.audits.get(name)
    result.metrics |= membership_metrics(result.membership)
    if result.audit is not None:
        result.metrics["audit/epsilon_lower"] = Metric(value=result.audit.epsilon_lower, n=result.audit.canaries)


def _thresholds(arm: ArmRun, rule: float | str) -> np.ndarray:
    """float64 [parts, repeats]: fixed, or chosen on the part's own training rows; .5 where these have one class.

    Private arms keep .5: a threshold chosen on their training rows would be a release of its own.
    """
    thresholds = np.full(arm.scores.shape[:2], rule if isinstance(rule, float) else 0.5)
    if isinstance(rule, float) or isinstance(arm, PrivateArm):
        return thresholds
    predict = arm.cache.predictor(arm.candidate)
    for part, repeat in np.ndindex(*thresholds.shape):
        weights = arm.weights[part][repeat]
        if weights is None:
            continue
        trained = arm.dataset.score(predict, weights, arm.train_rows(part))
        if len(np.unique(trained.labels)) == 2 and np.isfinite(trained.scores).all():
            criterion = cast(Literal["accuracy", "youden"], rule)
            thresholds[part, repeat] = choose_threshold(trained.labels, trained.scores, criterion, bandwidth=0.05)
    return thresholds


def _final_metrics(
    arm: ArmRun, scores: np.ndarray, thresholds: np.ndarray, seed: int, resamples: int
) -> dict[str, Metric]:
    dataset = arm.dataset
    metrics = _metrics("test", scores, thresholds, dataset.test_labels, dataset.test_hospitals, seed, resamples)
    for hospital in dataset.scored_hospitals:
        own = dataset.test_hospitals == hospital
        metrics |= _metrics(
            f"hospital/{hospital}", scores[:, own], thresholds, dataset.test_labels[own], None, seed, resamples
        )
    return metrics


def _rounds(arm: ArmRun, stacked: np.ndarray, thresholds: np.ndarray, seed: int) -> list[Round]:
    dataset = arm.dataset
    rounds = []
    for number in range(arm.rounds + 1):
        metrics = _metrics(
            "test", stacked[:, number], thresholds, dataset.test_labels, dataset.test_hospitals, seed, ROUND_RESAMPLES
        )
        for hospital in dataset.scored_hospitals:
            own = dataset.test_hospitals == hospital
            one = _metrics(
                f"hospital/{hospital}", stacked[:, number, own], thresholds, dataset.test_labels[own], None, seed,
                ROUND_RESAMPLES,
            )  # fmt: skip
            # Per seed and round and hospital would be most of the file and is in predictions.csv for the last round.
            metrics |= {name: metric.model_copy(update={"seeds": []}) for name, metric in one.items()}
        if isinstance(arm, PaperListingArm):
            # The listing's second fault: it is scored on the first client's own training rows.
            labels = dataset.train[0].labels[:, 0].astype(np.int64)
            own = np.full(arm.repeats, 0.5)
            metrics |= _metrics("listing", arm.listing_scores[:, number], own, labels, None, seed, ROUND_RESAMPLES)
        rounds.append(Round(round=number, metrics=metrics))
    return rounds


def _metrics(
    prefix: str,
    scores: np.ndarray,
    thresholds: np.ndarray,
    labels: np.ndarray,
    hospitals: np.ndarray | None,
    seed: int,
    resamples: int,
) -> dict[str, Metric]:
    """Every metric with its interval; the draws are the same for all arms, so that arms compare on equal terms."""
    if not np.isfinite(scores).all():
        return {f"{prefix}/{name}": Metric(n=len(labels)) for name in resolve_metrics(None)}
    rng = generator(seed, "bootstrap", prefix)
    intervals = evaluate(
        labels, scores, [float(t) for t in thresholds], rng=rng, resamples=resamples, hospitals=hospitals
    )
    per_seed = [classification_metrics(labels, row, float(t)) for row, t in zip(scores, thresholds, strict=True)]
    return {
        f"{prefix}/{name}": Metric(
            value=interval.value,
            low=interval.low,
            high=interval.high,
            n=interval.n,
            seeds=[values[name] for values in per_seed] if name in per_seed[0] else [],
        )
        for name, interval in intervals.items()
    }


def _confusion(arm: ArmRun, thresholds: np.ndarray) -> Confusion:
    threshold = float(thresholds[0, 0])
    (tn, fp), (fn, tp) = confusion_matrix(arm.dataset.test_labels, arm.scores[0, 0, -1], threshold)
    return Confusion(threshold=threshold, tn=int(tn), fp=int(fp), fn=int(fn), tp=int(tp))


def _selection(scores: Sequence[Score], folds: int, task: DatasetSettings) -> Selection:
    rule = task.threshold
    private = ", .5 for private arms" if any(arm.privacy for arm in task.arms.values()) else ""
    threshold = f"fixed at {rule:g}" if isinstance(rule, float) else f"chosen for {rule} on training rows{private}"
    return Selection(
        on=(
            f"{folds}-fold cross-validation on the training rows of the hospitals that train, one seed; held-out "
            f"patients take no part; the decision threshold is {threshold}"
        ),
        criterion="log loss",
        best_arm=best_federated_arm(scores),
        candidates=[
            CandidateResult(
                arm=score.arm,
                settings=_shown(score.candidate),
                score=score.log_loss,
                chosen=score is chosen(scores, score.arm),
            )
            for score in scores
        ],
    )


def _shown(candidate: Candidate) -> dict[str, Any]:
    """The hyperparameters that the candidate's method uses."""
    shown = candidate.model_dump()
    if candidate.method == "logistic-regression":
        return {"method": candidate.method, "C": 1.0}
    if candidate.method not in FEDERATED_METHODS:
        for key in ("aggregator", "weighting", "server_learning_rate"):
            shown.pop(key)
    elif candidate.aggregator in CATALOGUE and not CATALOGUE[candidate.aggregator].weighted:
        shown.pop("weighting")
    if candidate.method != "fedprox":
        shown.pop("proximal_strength")
    return shown


def _statistics(dataset: PreparedDataset) -> Statistics | None:
    if dataset.statistics is None:
        return None
    document = dataset.statistics.to_dict()
    return Statistics.model_validate({key: document[key] for key in ("columns", "correlation")})


def _model_bytes(arm: ArmRun) -> int:
    return int(sum(np.asarray(value).nbytes for value in arm.weights[0][0].trainable))


def _partition(name: str, task: DatasetSettings) -> str:
    """How rows came to hospitals, in words; empty for a user's dataset, whose protocol says it."""
    try:
        options = validate_settings(task.source or name, task.options)
    except TffHealthError:
        return ""
    kind = options.get("partition")
    if kind in ("dirichlet", "size_skew"):
        words = "Dirichlet label skew" if kind == "dirichlet" else "skewed in size"
        return f"{words}, alpha {options['alpha']:g}"
    return {
        "iid": "at random",
        "natural": "natural: every row stays with the hospital that recorded it",
    }.get(str(kind), "")
