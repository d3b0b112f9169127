"""Splits of rows that this process holds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.federation import Federation
from tff_health.experiments.synthesis.augmentation import FederatedAugmentation
from tff_health.experiments.synthesis.fitting import Part, training_matrices
from tff_health.experiments.synthesis.measuring import measure_real, measure_synthetic
from tff_health.experiments.synthesis.probing import variety_probe
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.experiments.synthesis.splits import fingerprint, load_split, scoring_seed
from tff_health.privacy.trust import SecureAggregation
from tff_health.runtime.context import execution_context
from tff_health.synthesis.synthesizer import Probe


class LoadedSplits:
    """See `split_source.SplitSource`; arguments as in `kinds.run_dataset`."""

    hiding: SecureAggregation = "simulated"

    def __init__(self, settings: SynthesisSettings, name: str, data_dir: Path | None) -> None:
        self._settings, self._name, self._data_dir = settings, name, data_dir

    def context(self) -> AbstractContextManager[Any]:
        """See `SplitSource`."""
        return execution_context()

    def split(self, number: int) -> LoadedSplit:
        """See `SplitSource`; errors as in `load_split`."""
        federation = load_split(self._settings, self._name, number, data_dir=self._data_dir)
        return LoadedSplit(self._settings, self._name, number, federation)

    def costs(self) -> None:
        """See `SplitSource`."""
        return None


class LoadedSplit:
    """See `split_source.Split`.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        number: of the split, from 0.
        federation: its hospitals.
    """

    def __init__(self, settings: SynthesisSettings, name: str, number: int, federation: Federation) -> None:
        self.federation = federation
        self._number, self._chosen = number, settings.evaluation_of(name)
        self._only = settings.splits_of(name) == 1
        self._no_control = all(arm.role != "control" for arm in settings.datasets[name].arms.values())
        self._seed = scoring_seed(settings, name, number)
        self._augmentation = FederatedAugmentation(federation, self._seed) if self._chosen.augmentation else None

    @cached_property
    def matrices(self) -> dict[str, np.ndarray]:
        """See `Split`."""
        return training_matrices(self.federation)

    @property
    def digest(self) -> str:
        """See `Split`."""
        return fingerprint(self.matrices)

    def measure_real(self) -> dict[str, Any]:
        """See `Split`."""
        return measure_real(
            self.federation,
            only=self._only,
            seed=self._seed,
            augmentation=self._augmentation,
            control=self._number == 0 and self._chosen.membership and self._no_control,
        )

    def measure_synthetic(self, table: pd.DataFrame, part: Part, *, augments: bool) -> dict[str, Any]:
        """See `Split`."""
        return measure_synthetic(
            self.federation,
            table,
            part,
            self._chosen,
            first=self._number == 0,
            only=self._only,
            augmentation=self._augmentation if augments else None,
            seed=self._seed,
        )

    def probe(self, part: Part) -> Probe | None:
        """See `Split`."""
        return variety_probe(part, self.federation.schema) if self._number == 0 else None
