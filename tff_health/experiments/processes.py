"""Compiled TFF processes, built once and shared by all candidates that differ in data or server step only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow_federated as tff

from data.errors import SettingsError
from models.catalogue import load_model_function
from tff_health.experiments.aggregator_choice import build as build_aggregator
from tff_health.experiments.privacy_plan import PrivacyPlan, plan_privacy
from tff_health.experiments.settings import Candidate
from tff_health.learning.averaging import with_model_weights
from tff_health.learning.classifier import build_classifier_process
from tff_health.learning.keras_model import ModelFunction, Predictor, initial_weights
from tff_health.learning.local_training import build_local_training
from tff_health.learning.optimizers import build_optimizer, build_server_adam
from tff_health.privacy.composition import Event
from tff_health.runtime.seeds import integer_seed


class ProcessCache:
    """Processes, predictors and initial weights for one feature shape.

    Args:
        feature_shape: shape of one patient's features.
        seed: the experiment's seed.
        rows: each training hospital's number of rows.
        preprocessing: what the features' preprocessing released about patients, for arms that claim privacy.
    """

    def __init__(
        self, feature_shape: tuple[int, ...], seed: int, rows: Mapping[str, int], preprocessing: Event | None = None
    ) -> None:
        self._shape = feature_shape
        self._seed = seed
        self._rows, self._preprocessing = dict(rows), preprocessing
        self._federated: dict[tuple[object, ...], tff.learning.templates.LearningProcess] = {}
        self._local: dict[tuple[object, ...], Callable[..., list[Any]]] = {}
        self._predictors: dict[str, Predictor] = {}
        self._states: dict[Candidate, Any] = {}
        self._initial: dict[tuple[str, int], Any] = {}

    def federated(self, candidate: Candidate) -> tff.learning.templates.LearningProcess:
        """The learning process of a federated candidate; its server step is set in the state."""
        if candidate.process_key not in self._federated:
            plan = self.plan(candidate) if candidate.privacy else None
            average = candidate.average_last
            self._federated[candidate.process_key] = build_classifier_process(
                self.model_function(candidate),
                self._shape,
                client_optimizer=build_optimizer(candidate.client_optimizer, candidate.client_learning_rate),
                server_optimizer=server_optimizer(candidate),
                aggregator=plan.aggregator() if plan else build_aggregator(candidate, len(self._rows)),
                weighting=candidate.weighting,
                proximal_strength=candidate.proximal_strength,
                privacy=plan.patient if plan else None,
                average_after=max(candidate.rounds - average, 0) if average else None,
            )
        return self._federated[candidate.process_key]

    def initial_state(self, candidate: Candidate, repeat: int) -> Any:
        """The state a repeat starts from: seeded weights, the candidate's server step."""
        # A private aggregator's state may hold the start of its noise: every repeat draws its own.
        if candidate not in self._states or candidate.privacy is not None:
            process = self.federated(candidate)
            state = process.initialize()
            parameters = process.get_hparams(state)
            parameters["finalizer"]["learning_rate"] = np.float32(candidate.server_learning_rate)
            self._states[candidate] = process.set_hparams(state, parameters)
        return with_model_weights(self._states[candidate], self.initial_weights(candidate, repeat))

    def plan(self, candidate: Candidate) -> PrivacyPlan:
        """Mechanism and budget of a private candidate."""
        weights = self.initial_weights(candidate, 0).trainable
        dimension = int(sum(np.size(value) for value in weights))
        return plan_privacy(candidate, self._rows, self._preprocessing, dimension)

    def local(self, candidate: Candidate) -> Callable[[list[Any], list[Any]], list[Any]]:
        """The computation that trains models apart from each other."""
        key = (candidate.model, candidate.client_optimizer, candidate.client_learning_rate)
        if key not in self._local:
            self._local[key] = build_local_training(
                self.model_function(candidate),
                self._shape,
                client_optimizer=build_optimizer(candidate.client_optimizer, candidate.client_learning_rate),
            )
        return self._local[key]

    def initial_weights(self, candidate: Candidate, repeat: int) -> Any:
        """Initial `ModelWeights` of a repeat: the same for every arm with this model."""
        key = (candidate.model, repeat)
        if key not in self._initial:
            seed = integer_seed(self._seed, "initial weights", candidate.model, repeat)
            self._initial[key] = initial_weights(self.model_function(candidate), self._shape, seed)
        return self._initial[key]

    def predictor(self, candidate: Candidate) -> Predictor:
        """Scores patients with weights of the candidate's model."""
        if candidate.model not in self._predictors:
            self._predictors[candidate.model] = Predictor(self.model_function(candidate), self._shape)
        return self._predictors[candidate.model]

    def model_function(self, candidate: Candidate) -> ModelFunction:
        """The function that makes the candidate's Keras model; what a user's function raises becomes one sentence."""
        function = load_model_function(candidate.model)

        def made(shape: tuple[int, ...]) -> Any:
            try:
                return function(shape)
            except Exception as error:
                raise SettingsError(
                    f"model {candidate.model!r} failed for features of shape {shape} ({type(error).__name__}: {error})."
                ) from error

        return made


def server_optimizer(candidate: Candidate) -> tff.learning.optimizers.Optimizer:
    """What the server of a federated candidate steps with."""
    rate = candidate.server_learning_rate
    if candidate.method == "fedadam":
        return build_server_adam(rate)
    if candidate.method == "fedyogi":
        return build_optimizer("yogi", rate)
    if candidate.method == "fedadagrad":
        return build_optimizer("adagrad", rate)
    return build_optimizer("sgd", rate)
