"""The one interface of everything that makes a generator from hospitals: CTGAN, marginals, a user's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from data.errors import SettingsError
from data.federation import Federation
from data.schema import Schema
from tff_health.synthesis.generator import TableGenerator

if TYPE_CHECKING:
    import dp_accounting

    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import Checkpoint, CheckpointStore

# After a unit of work: units done, units in all, and what was measured (losses); may raise to stop.
Progress = Callable[[int, int, Mapping[str, float]], None]
# What is measured of a generator while it trains, by name, for curves.
Probe = Callable[[TableGenerator], Mapping[str, float]]


class ReleaseLostError(SettingsError):
    """A private fit was stopped during a release: its budget is spent and its result is lost.

    To go on means to fit anew, without the old checkpoints, and to count both.
    """


def latest_of_private(checkpoints: CheckpointStore | None) -> Checkpoint | None:
    """The checkpoint that a private fit goes on from; None where it begins.

    Raises:
        ReleaseLostError: one is damaged; an older one, or none, may lack a release that it held.
    """
    if checkpoints is None:
        return None
    saved = checkpoints.latest()
    for refused in checkpoints.refused:
        if refused.reason != "foreign":
            raise ReleaseLostError(
                f"{refused.message} What it had released cannot be known, so that going on from an older one could "
                "release it twice; remove the checkpoints, start again, and account for both fits."
            )
    return saved


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves behind.

    Attributes:
        generator: ready to sample.
        history: by unit of training, in order: `round`, `updates`, losses; empty where fitting is one round.
        facts: plain numbers worth reporting (`updates`, `seconds_per_update`, ...).
    """

    generator: TableGenerator
    history: tuple[Mapping[str, float], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Synthesizer(ABC):
    """Settings of a way to make generators; implementations are frozen dataclasses, so that what runs is what is said.

    Attributes:
        kind: the name of its generators.
        fits_apart: whether `fit` takes what hospitals that are apart make themselves (`runtime.at_hospital`), as the
            project's own do; else such hospitals do not run it.
    """

    kind: ClassVar[str]
    fits_apart: ClassVar[bool] = False

    @abstractmethod
    def fit(
        self,
        schema: Schema,
        hospitals: Sequence[Matrix],
        *,
        seed: int,
        progress: Progress | None = None,
        checkpoints: CheckpointStore | None = None,
        probe: Probe | None = None,
    ) -> Fitted:
        """Fits a generator across hospitals, which never pool a row.

        Opens the TFF execution context it needs.

        Args:
            schema: of the rows.
            hospitals: training rows of each, as `Schema.encode` gives them: float64 [rows, columns]; or how hospitals
                that are apart make them, in the context of these.
            seed: of every random stream but privacy noise.
            progress: told after every unit of work.
            checkpoints: where to save and go on from; long fits use it, short ones need not. A private fit that goes on
                never repeats a release: what it had begun counts as done.
            probe: measures the generator now and then while it trains; its values go into the history. Fits of one
                round leave it out. Whatever it reads, such as real rows, is outside of `event()`.

        Raises:
            DataError: rows nothing can be fitted on.
            SettingsError: settings that do not fit the data, such as another number of hospitals than accounted.
            ReleaseLostError: the fit that goes on was stopped during a release that it cannot do without, or a
                checkpoint is damaged, so that nobody knows what was released.
        """

    def fit_federation(self, federation: Federation, *, seed: int, progress: Progress | None = None) -> Fitted:
        """Fits on the training rows of all hospitals of a dataset: `fit`, in one call.

        Args:
            federation: as `data.catalogue.load_dataset` or `data.tables.load_tables` give it.
            seed: of every random stream but privacy noise.
            progress: told after every unit of work.
        """
        schema = federation.schema
        hospitals = [schema.encode(hospital.train) for hospital in federation.members]
        return self.fit(schema, hospitals, seed=seed, progress=progress)

    @abstractmethod
    def event(self) -> dp_accounting.DpEvent | None:
        """Everything that `fit` releases about a patient; None where no guarantee is claimed."""

    def privacy_words(self) -> dict[str, str]:
        """How `fit` protects patients, for the privacy statement: `mechanism` and `sampling`, in words."""
        return {"mechanism": "noise on what hospitals release", "sampling": "every patient in every release"}
