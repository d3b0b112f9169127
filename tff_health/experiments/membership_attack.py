"""Membership inference against an arm's first model, with shadow models trained the way the arm was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data.errors import DataError, WrongKindError
from tff_health.aggregators.catalogue import CATALOGUE
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.prepared import PreparedDataset
from tff_health.experiments.privacy_settings import AttackSettings
from tff_health.experiments.private_arm import PrivateArm
from tff_health.experiments.processes import server_optimizer
from tff_health.experiments.settings import Candidate
from tff_health.learning.optimizers import build_optimizer
from tff_health.learning.proximal import ProximalOptimizer
from tff_health.privacy.membership.attacks import own_attacks
from tff_health.privacy.membership.batched_training import BatchedFederatedTraining, build_train_shadows
from tff_health.privacy.membership.control import run_control
from tff_health.privacy.membership.inference import run_membership_inference
from tff_health.privacy.membership.result import AttackResult, MembershipResult
from tff_health.reporting.document import Metric
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.runtime.seeds import generator, integer_seed

TrainShadows = Callable[[np.ndarray], np.ndarray]
_RESAMPLES, _PERMUTATIONS = 300, 199
_BUILT_IN = ("loss", "confidence")
_PLAIN = ("mean", "uniform-mean", "secure-mean")


class Pool:
    """Training and held-out patients of one dataset: members and non-members of every arm.

    Args:
        dataset: as the arm sees it.

    Attributes:
        features: float32 [patients, ...].
        labels: int64 [patients].
        hospitals: str [patients].
        is_member: bool [patients].
    """

    def __init__(self, dataset: PreparedDataset) -> None:
        parts = [*dataset.train, *dataset.test]
        self.features = np.concatenate([rows.features for rows in parts])
        self.labels = np.concatenate([rows.labels[:, 0] for rows in parts]).astype(np.int64)
        self.hospitals = np.concatenate([np.full(len(rows), rows.hospital, dtype=object) for rows in parts]).astype(str)
        self.is_member = np.arange(len(self.labels)) < sum(len(rows) for rows in dataset.train)

    @property
    def has_pairs(self) -> bool:
        """Whether some hospital has patients of both kinds: only these can be compared fairly."""
        return bool(set(self.hospitals[self.is_member]) & set(self.hospitals[~self.is_member]))


def attack_arm(arm: ArmRun, settings: AttackSettings, seed: int) -> dict[str, MembershipAttack]:
    """All attacks on the arm's first model.

    Args:
        arm: finished.
        settings: how many shadows.
        seed: the experiment's seed.

    Returns:
        By attack; empty where no hospital has both training and held-out patients, or where training diverged.
    """
    pool = Pool(arm.dataset)
    scores = _target_scores(arm, pool)
    if not np.isfinite(scores).all() or not pool.has_pairs:
        return {}
    train, note = _shadow_training(arm, pool, integer_seed(seed, "shadows")) if settings.shadows else (None, "")
    own = [attack.name for attack in own_attacks() if train is not None or not attack.needs_shadows]
    common: dict[str, Any] = {"resamples": _RESAMPLES, "permutations": _PERMUTATIONS}
    result = run_membership_inference(
        scores,
        pool.labels,
        pool.hospitals,
        pool.is_member,
        train,
        shadows=settings.shadows,
        attacks=(*_BUILT_IN, *(("lira",) if train else ()), *own),
        rng=generator(seed, "membership"),
        **common,
    )
    return membership_documents(result, note)


def run_attack_control(dataset: PreparedDataset, seed: int) -> dict[str, MembershipAttack]:
    """The attacks' own control: `overfitted` must be caught, `unseen` must not."""
    pool = Pool(dataset)
    if not pool.has_pairs:
        return {}
    try:
        control = run_control(pool.features, pool.labels, pool.hospitals, integer_seed(seed, "membership control"))
    except DataError:  # too few patients for a control
        return {}
    return {
        "overfitted": membership_document(control.overfitted.headline, control.overfitted, control.statement),
        "unseen": membership_document(control.unseen.headline, control.unseen, control.statement),
    }


def membership_metrics(attacks: dict[str, MembershipAttack]) -> dict[str, Metric]:
    """The headline attack's figures under their names in results.json."""
    headline = attacks.get("lira") or attacks.get("loss")
    if headline is None:
        return {}
    return {"membership/auc": headline.auc, "membership/tpr_at_1pct_fpr": headline.tpr_at_1pct_fpr}


def _target_scores(arm: ArmRun, pool: Pool) -> np.ndarray:
    """The attacked model's scores of all patients; hospitals that train alone score their own."""
    if arm.candidate.method == "logistic-regression":
        return _sklearn_scores(pool, pool.is_member)
    predict = arm.cache.predictor(arm.candidate)
    if arm.parts == ("",):
        return predict(arm.weights[0][0], pool.features)
    scores = np.full(len(pool.labels), 0.5)
    for part, weights in zip(arm.parts, arm.weights, strict=True):
        own = pool.hospitals == part
        scores[own] = predict(weights[0], pool.features[own])
    return scores


def _shadow_training(arm: ArmRun, pool: Pool, seed: int) -> tuple[TrainShadows | None, str]:
    """How shadows of the arm are trained, and what must be said about them."""
    candidate = arm.candidate
    if candidate.method == "logistic-regression":
        return lambda masks: np.array([_sklearn_scores(pool, mask) for mask in masks]), ""
    notes = []
    privacy = arm.plan.patient if isinstance(arm, PrivateArm) else None
    if candidate.privacy is not None and candidate.privacy.level == "hospital":
        notes.append("shadows were trained without the aggregator's clipping and noise")
    elif candidate.is_federated and candidate.aggregator not in _PLAIN:
        notes.append(f"shadows were aggregated by a plain mean, not by {candidate.aggregator}")
    if candidate.method == "paper-listing":
        notes.append("a shadow is one round, as no round of the listing knows of the one before")
    try:
        training = BatchedFederatedTraining(
            arm.cache.model_function(candidate),
            arm.dataset.feature_shape,
            client_optimizer=_client_optimizer(candidate),
            server_optimizer=server_optimizer(candidate) if candidate.is_federated else None,
            weighting="examples" if _weighs_rows(candidate) else "uniform",
            privacy=privacy,
        )
    except WrongKindError:
        return None, "no shadow models: this network cannot be trained in batches of models"
    options: dict[str, Any] = {
        "rounds": 1 if candidate.method == "paper-listing" else candidate.rounds,
        "seed": seed,
        "epochs": candidate.local_epochs,
        "batch_size": candidate.batch_size,
    }
    if candidate.average_last:
        options["average_after"] = max(candidate.rounds - candidate.average_last, 0)
    note = "; ".join(notes)
    if candidate.method == "alone":
        return _alone(training, pool, options), note
    federated = candidate.is_federated or candidate.method == "paper-listing"
    hospitals = pool.hospitals if federated else np.full(len(pool.hospitals), "pooled")
    return build_train_shadows(training, pool.features, pool.labels, hospitals, **options), note


def _alone(training: BatchedFederatedTraining, pool: Pool, options: dict[str, Any]) -> TrainShadows:
    def train(masks: np.ndarray) -> np.ndarray:
        scores = np.full(masks.shape, 0.5)
        for name in np.unique(pool.hospitals):
            own = pool.hospitals == name
            if masks[:, own].any(axis=1).all():
                rows = (pool.features[own], pool.labels[own], pool.hospitals[own])
                scores[:, own] = build_train_shadows(training, *rows, **options)(masks[:, own])
        return scores

    return train


def _client_optimizer(candidate: Candidate) -> Any:
    optimizer = build_optimizer(candidate.client_optimizer, candidate.client_learning_rate)
    return ProximalOptimizer(optimizer, candidate.proximal_strength) if candidate.proximal_strength else optimizer


def _weighs_rows(candidate: Candidate) -> bool:
    if not candidate.is_federated or candidate.privacy is not None:
        return False
    entry = CATALOGUE.get(candidate.aggregator)
    return candidate.weighting == "examples" and (entry is None or entry.weighted)


def _sklearn_scores(pool: Pool, chosen: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=10_000).fit(pool.features[chosen], pool.labels[chosen])
    return np.asarray(model.predict_proba(pool.features)[:, 1])


def membership_documents(result: MembershipResult, note: str = "") -> dict[str, MembershipAttack]:
    """The document model of all attacks of a result, with a further note on each."""
    return {name: membership_document(attack, result, note) for name, attack in result.attacks.items()}


def membership_document(attack: AttackResult, result: MembershipResult, note: str) -> MembershipAttack:
    """The document model of one attack, with a further note."""
    members, others = result.members, result.non_members
    rate = attack.tpr_at_1pct_fpr
    sentences = [attack.statement, rate.note, *result.notes]
    if note:
        sentences.append(f"{note[0].upper()}{note[1:]}".rstrip(".") + ".")
    return MembershipAttack(
        auc=Metric(value=attack.auc, low=attack.low, high=attack.high, n=members + others),
        auc_pooled=_metric(attack.pooled_auc, members + others),
        tpr_at_1pct_fpr=_metric(rate, members),
        advantage=_metric(attack.advantage, members + others),
        hospitals={
            name: _metric(found.auc, found.members + found.non_members)
            for name, found in attack.hospitals.items()
            if found is not None
        },
        members=members,
        non_members=others,
        shadows=result.shadows if attack.name.startswith("lira") else 0,
        note=" ".join(sentences),
    )


def _metric(estimate: Any, count: int) -> Metric:
    return Metric(value=estimate.value, low=estimate.low, high=estimate.high, n=count)
