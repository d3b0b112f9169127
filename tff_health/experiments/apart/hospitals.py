"""The hospitals of a run that are apart: reached by a roster, or started on this machine for development."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd

from data.errors import DataError, SettingsError
from data.federation import Federation
from data.image_federation import ImageFederation
from data.modality import load_table_dataset
from tff_health.experiments.apart.federation import HeldFederation, held_federation
from tff_health.experiments.apart.image_federation import HeldImageFederation, held_image_federation
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.hospitals.connection import ClientIdentity
from tff_health.hospitals.held_facts import facts_file
from tff_health.hospitals.held_images import read_image_facts
from tff_health.hospitals.held_table import read_table_facts
from tff_health.hospitals.roster import read_roster

if TYPE_CHECKING:
    from tff_health.experiments.apart.dataset import HeldDataset
    from tff_health.experiments.apart.held_image_source import HeldImageSource
    from tff_health.experiments.apart.held_splits import HeldSplits
    from tff_health.hospitals.context import HospitalsContext


class Hospitals(ABC):
    """Gives datasets that hospitals hold; a context manager, which ends all connections."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._tables: dict[str, tuple[HeldFederation, HospitalsContext]] = {}
        self._images: dict[str, tuple[HeldImageFederation, HospitalsContext]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @abstractmethod
    def _context(self, name: str) -> HospitalsContext: ...

    def federation(self, name: str) -> HeldFederation:
        """What the hospitals publish of a table.

        Raises:
            DataError: a hospital does not hold it, or nothing can be trained or scored.
            HospitalsError: a hospital cannot be reached.
        """
        return self._opened(name)[0]

    def dataset(self, name: str) -> HeldDataset:
        """The dataset, to be trained on; errors as of `federation`."""
        from tff_health.experiments.apart.dataset import HeldDataset

        federation, context = self._opened(name)
        return HeldDataset(federation, context)

    def splits(self, settings: SynthesisSettings, name: str) -> HeldSplits:
        """The dataset, for synthetic patients; errors as of `federation`."""
        from tff_health.experiments.apart.held_splits import HeldSplits

        return HeldSplits(settings, name, self.dataset(name))

    def image_federation(self, name: str) -> HeldImageFederation:
        """What the hospitals publish of images; errors as of `federation`."""
        return self._opened_images(name)[0]

    def images(self, settings: ImagesSettings, name: str) -> HeldImageSource:
        """The images, for generators of images; errors as of `federation`."""
        from tff_health.experiments.apart.held_image_source import HeldImageSource

        return HeldImageSource(settings, name, *self._opened_images(name))

    def _opened(self, name: str) -> tuple[HeldFederation, HospitalsContext]:
        if name not in self._tables:
            context = self._context(name)
            facts = read_table_facts(_published(context, name), name)
            self._tables[name] = held_federation(name, facts), context
        return self._tables[name]

    def _opened_images(self, name: str) -> tuple[HeldImageFederation, HospitalsContext]:
        if name not in self._images:
            context = self._context(name)
            facts = read_image_facts(_published(context, name), name)
            self._images[name] = held_image_federation(name, facts), context
        return self._images[name]


class RosterHospitals(Hospitals):
    """Hospitals of a roster.

    Args:
        roster: its file.
        identity: the coordinator's folder.

    Raises:
        SettingsError: one of them cannot be used.
    """

    def __init__(self, roster: Path, identity: Path) -> None:
        super().__init__()
        self._roster, self._identity = read_roster(roster), ClientIdentity.read(identity)
        self._connected: HospitalsContext | None = None

    def _context(self, name: str) -> HospitalsContext:
        from tff_health.hospitals.connected import connected

        if self._connected is None:
            self._connected = self._stack.enter_context(connected(self._roster, self._identity))
        return self._connected


class LocalHospitals(Hospitals):
    """Processes on this machine, one a hospital, started when a dataset is first used.

    Args:
        settings: of the experiment, whose datasets are dealt out to them.
        count: hospitals of each dataset.
        data_dir: where data files lie.
    """

    def __init__(self, settings: ExperimentBase, count: int, data_dir: Path | None) -> None:
        super().__init__()
        self._settings, self._count, self._data_dir = settings, count, data_dir

    def _context(self, name: str) -> HospitalsContext:
        from tff_health.hospitals.simulated import simulated_context

        federation = self._loaded(name)
        found = len(federation.members)
        if found != self._count:
            raise SettingsError(
                f"{name} has {found} hospitals that train, not {self._count}: give --simulate-hospitals {found}, or "
                "another dataset."
            )
        return self._stack.enter_context(simulated_context({name: federation}))

    def _loaded(self, name: str) -> Federation | ImageFederation:
        settings, data_dir = self._settings, self._data_dir
        if isinstance(settings, ImagesSettings):
            from tff_health.experiments.images.loaded_images import load_images

            return load_images(settings, name, data_dir=data_dir).require_trainable().require_scored()
        if isinstance(settings, SynthesisSettings):
            from tff_health.experiments.synthesis.splits import load_first_split

            table = load_first_split(settings, name, data_dir=data_dir)
        else:
            task = settings.tasks[name]
            table = load_table_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed)
        return _with_tests_of_all(table.require_trainable().require_scored())


def _with_tests_of_all(federation: Federation) -> Federation:
    """Held-out patients who are nobody's that trains are dealt out, as all scores are taken together anyway."""
    strays = [hospital.test for hospital in federation.scored if not hospital.trains]
    if not strays:
        return federation
    rows = pd.concat(strays, ignore_index=True)
    count = len(federation.members)
    return replace(
        federation,
        hospitals=tuple(
            replace(own, test=pd.concat([own.test, rows.iloc[place::count]], ignore_index=True))
            for place, own in enumerate(federation.members)
        ),
    )


def _published(context: HospitalsContext, dataset: str) -> dict[str, bytes]:
    import tensorflow as tf
    import tensorflow_federated as tff

    path = facts_file(dataset)

    @tff.tensorflow.computation
    def facts():  # type: ignore[no-untyped-def]
        there = tf.size(tf.io.matching_files(path)) > 0
        return tf.cond(there, lambda: tf.io.read_file(path), lambda: tf.constant(""))

    texts = {name: bytes(text) for name, text in context.ask(facts).items()}
    lacking = [name for name, text in texts.items() if not text]
    if lacking:
        raise DataError(
            f"hospital {lacking[0]!r} holds no dataset {dataset!r}: it needs [datasets.{dataset}] in its hospital.toml."
        )
    return texts
