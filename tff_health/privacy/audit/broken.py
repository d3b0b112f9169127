"""FOR DEMONSTRATION AND TESTS ONLY: DP-SGD with a fault on request, to prove that the audit notices.

An audit that cannot fail is worthless. `DemonstrationDpSgd` is federated DP-SGD for logistic regression in plain
NumPy, small enough to be read in one go; each fault breaks what one line promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import special

from data.errors import SettingsError
from tff_health.privacy.audit.canary_rows import HospitalRows
from tff_health.privacy.audit.patient_canaries import ReleasedModels

Fault = Literal["none", "clip-without-noise", "noise-without-clip", "same-noise-everywhere"]


@dataclass(frozen=True)
class DemonstrationDpSgd:
    """Settings of the demonstration, and its training as a `Train` function.

    Attributes:
        fault: "none" for the sound mechanism.
        clip: L2 bound on one patient's gradient.
        noise_multiplier: standard deviation of each hospital's noise over `clip`.
        rounds: one full-batch step in every hospital, then the mean weighted by declared rows.
        learning_rate: of the step.
        sampling_rate: Poisson rate; 1 for every patient in every step.
    """

    fault: Fault = "none"
    clip: float = 1.0
    noise_multiplier: float = 2.0
    rounds: int = 10
    learning_rate: float = 1.0
    sampling_rate: float = 1.0

    def __post_init__(self) -> None:
        if self.fault not in get_args(Fault):
            raise SettingsError(f"the demonstration's fault is {self.fault!r}; it is one of {get_args(Fault)}.")

    def __call__(self, hospitals: list[HospitalRows]) -> ReleasedModels:
        """Trains from zero; shows the models and every hospital's own update."""
        # Unseeded: the noise of every call is new. The third fault seeds one stream for all hospitals.
        streams = [np.random.default_rng() for _ in hospitals]
        if self.fault == "same-noise-everywhere":
            seed = int(streams[0].integers(2**63))
            streams = [np.random.default_rng(seed) for _ in hospitals]
        width = hospitals[0].features.shape[1]
        declared = np.array([hospital.declared_rows or len(hospital.features) for hospital in hospitals], np.float64)
        weights = [np.zeros((width, 1)), np.zeros(1)]
        models, hospital_models = [weights], []
        for _ in range(self.rounds):
            local = []
            for hospital, noise, rows in zip(hospitals, streams, declared, strict=True):
                step = self.learning_rate / (self.sampling_rate * rows)
                total = self._noisy_sum(weights, hospital, noise)
                local.append([weights[0] - step * total[:-1, None], weights[1] - step * total[-1:]])
            weights = [np.average([model[part] for model in local], axis=0, weights=declared) for part in range(2)]
            models.append(weights)
            hospital_models.append(local)
        return ReleasedModels(models, hospital_models)

    def _noisy_sum(self, weights: list[np.ndarray], hospital: HospitalRows, noise: np.random.Generator) -> np.ndarray:
        features = np.asarray(hospital.features, np.float64)
        present = np.ones(len(features)) if hospital.present is None else hospital.present.astype(np.float64)
        # Coins of their own, so that hospitals that share a noise stream keep the same noise whatever their size.
        taken = present * (np.random.default_rng().random(len(features)) < self.sampling_rate)
        residuals = special.expit(features @ weights[0] + weights[1]) - hospital.labels
        gradients = residuals * np.concatenate([features, np.ones((len(features), 1))], 1)
        if self.fault != "noise-without-clip":
            norms = np.linalg.norm(gradients, axis=1, keepdims=True)
            gradients = gradients * np.minimum(1, self.clip / np.maximum(norms, np.finfo(np.float64).tiny))
        total = taken @ gradients
        if self.fault == "clip-without-noise":
            return total
        return total + noise.normal(scale=self.clip * self.noise_multiplier, size=total.shape)
