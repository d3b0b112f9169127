"""Whether synthetic patients help federated training (P1.7): FedAvg on real rows, and on real and synthetic ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from data.federation import Federation
from tff_health.evaluation.classification import classification_metrics
from tff_health.experiments.arms import FederatedArm
from tff_health.experiments.prepared import PreparedDataset, prepare
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.settings import Candidate, PreprocessingSettings
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import generator

ROUNDS = 5
_CANDIDATE = Candidate(
    method="fedavg",
    model="logistic-regression",
    aggregator="mean",
    weighting="examples",
    client_optimizer="sgd",
    client_learning_rate=0.1,
    server_learning_rate=1.0,
    local_epochs=20,
    batch_size=32,
    proximal_strength=0.0,
    rounds=ROUNDS,
)


class FederatedAugmentation:
    """FedAvg in one split, on the hospitals' real rows or on these and synthetic ones.

    Args:
        federation: one split.
        seed: of the shares and of training.
    """

    def __init__(self, federation: Federation, seed: int) -> None:
        self._federation, self._seed = federation, seed
        self._cache: ProcessCache | None = None  # one process serves all tables: only the rows differ

    def scores(self, table: pd.DataFrame | None = None) -> dict[str, float]:
        """Accuracy and AUC on held-out patients of a logistic regression trained by five rounds of FedAvg.

        Args:
            table: synthetic rows, of which every hospital gets a share as large as its own rows; None for real rows
                only.
        """
        federation, seed = self._federation, self._seed
        if table is not None:
            federation = _augmented(federation, table, seed)
        with execution_context():
            dataset = prepare(federation.name, federation, PreprocessingSettings())
            if self._cache is None:
                self._cache = ProcessCache(dataset.feature_shape, seed, dataset.rows_by_hospital)
            return federated_scores(dataset, self._cache, seed)


def federated_scores(dataset: PreparedDataset, cache: ProcessCache, seed: int) -> dict[str, float]:
    """Accuracy and AUC on held-out patients of a logistic regression trained by five rounds of FedAvg.

    Runs in TFF's current execution context.

    Args:
        dataset: preprocessed.
        cache: of its processes.
        seed: of training.
    """
    arm = FederatedArm(dataset, _CANDIDATE, cache, repeats=1, seed=seed)
    while not arm.finished:
        arm.advance()
    metrics = classification_metrics(dataset.test_labels, arm.scores[0, 0, -1], 0.5)
    return {name: float(metrics[name]) for name in ("accuracy", "auc")}


def _augmented(federation: Federation, table: pd.DataFrame, seed: int) -> Federation:
    order = generator(seed, "shares").permutation(len(table))
    hospitals, taken = [], 0
    for hospital in federation.hospitals:
        if hospital.trains:
            own = order[np.arange(taken, taken + len(hospital.train)) % len(order)]
            taken += len(hospital.train)
            rows = pd.concat([hospital.train, table.iloc[own]], ignore_index=True)
            hospital = replace(hospital, train=rows)
        hospitals.append(hospital)
    return replace(federation, hospitals=tuple(hospitals))
