"""Where a dataset's rows are: loaded here, or held by hospitals that are apart. What a run does is the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from data.federation import Federation
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.experiments.prepared import PreparedDataset, applied, prepare, prepare_privately
from tff_health.experiments.settings import PreprocessingSettings, PrivatePreprocessingSettings
from tff_health.privacy.composition import Event
from tff_health.runtime.context import execution_context

if TYPE_CHECKING:
    from tff_health.hospitals.costs import Costs


class DatasetSource(Protocol):
    """A dataset that can be prepared for training."""

    def context(self) -> AbstractContextManager[Any]:
        """The TFF context in which everything below, and all training, is computed."""

    def prepare(self, settings: PreprocessingSettings) -> PreparedDataset:
        """The dataset with a preprocessing fitted federatedly."""

    def prepare_privately(
        self, settings: PrivatePreprocessingSettings, reserve: Callable[[Event], None]
    ) -> tuple[PreparedDataset, Event]:
        """The dataset as arms that claim privacy see it, and what that released; `reserve` is told before."""

    def restored(self, preprocessor: TablePreprocessor) -> PreparedDataset:
        """The dataset with a preprocessing that was fitted before."""

    def costs(self) -> Costs | None:
        """What hospitals that are apart have cost so far; None where nobody is."""


class LoadedDataset:
    """Rows that this process holds.

    Args:
        name: the dataset's name in the settings.
        federation: checked hospitals.
        parallel_clients: computed at a time, 0 for all.
    """

    def __init__(self, name: str, federation: Federation, parallel_clients: int) -> None:
        self._name, self._federation, self._parallel = name, federation, parallel_clients

    def context(self) -> AbstractContextManager[Any]:
        """See `DatasetSource`."""
        return execution_context(max_concurrent_computation_calls=self._parallel or -1)

    def prepare(self, settings: PreprocessingSettings) -> PreparedDataset:
        """See `DatasetSource`."""
        return prepare(self._name, self._federation, settings)

    def prepare_privately(
        self, settings: PrivatePreprocessingSettings, reserve: Callable[[Event], None]
    ) -> tuple[PreparedDataset, Event]:
        """See `DatasetSource`."""
        return prepare_privately(self._name, self._federation, settings, reserve)

    def restored(self, preprocessor: TablePreprocessor) -> PreparedDataset:
        """See `DatasetSource`."""
        return applied(self._name, self._federation, None, preprocessor)

    def costs(self) -> None:
        """See `DatasetSource`."""
        return None
