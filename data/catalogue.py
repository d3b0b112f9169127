"""The datasets by name. Importing this is cheap: a dataset's own module is only loaded when it is used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from data import dataset_settings
from data.dataset_functions import import_dataset_function
from data.errors import DataError, SettingsError, UnknownNameError, clip
from data.settings import SettingsSpec

if TYPE_CHECKING:
    from data.federation import Federation
    from data.image_federation import ImageFederation

DatasetFunction = Callable[..., "Federation | ImageFederation"]
"""`(settings, *, data_dir, seed) -> Federation`, or `ImageFederation` for a dataset of images."""


@dataclass(frozen=True)
class Dataset:
    """An entry of the catalogue.

    Attributes:
        name: in settings and on the command line.
        description: one line for people.
        kind: whether the rows are patients or simulated.
        offline: whether it works without files to download.
        target: the dataset function, or "module:function" to import when it is needed.
        settings: what may be set; None where the function checks its settings itself.
        files: module with `fetch(target_dir, progress)`, `check(data_dir)` and `is_present(data_dir)`; empty
            where there are no files.
        images: whether it gives an `ImageFederation`; of a user's own function that is only known once it has run.
    """

    name: str
    description: str
    kind: Literal["real", "simulated"]
    offline: bool
    target: str | DatasetFunction
    settings: SettingsSpec | None = None
    files: str = ""
    images: bool = False

    def function(self) -> DatasetFunction:
        """The dataset function, imported if need be."""
        return import_dataset_function(self.target) if isinstance(self.target, str) else self.target


_REGISTRY: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "paper_mock",
            "the paper's five hospitals of 100 rows: one feature, label x > 0.5",
            "simulated",
            True,
            "data.paper_mock:load",
            dataset_settings.PAPER_MOCK,
        ),
        Dataset(
            "patient_cohort",
            "simulated patients with published means, for the paper's figures 7, 8, 9 and 11",
            "simulated",
            True,
            "data.patient_cohort:load",
            dataset_settings.PATIENT_COHORT,
        ),
        Dataset(
            "breast_cancer",
            "569 real patients that ship with scikit-learn, over five simulated hospitals",
            "real",
            True,
            "data.breast_cancer:load",
            dataset_settings.BREAST_CANCER,
        ),
        Dataset(
            "heart_disease",
            "920 real patients of four hospitals (UCI); needs `data fetch heart_disease` or --data-dir",
            "real",
            False,
            "data.heart_disease:load",
            dataset_settings.HEART_DISEASE,
            "data.heart_disease_files",
        ),
        Dataset(
            "xray_phantom",
            "simulated chest X-rays with and without an opacity, to try image experiments offline",
            "simulated",
            True,
            "data.xray_phantom:load",
            dataset_settings.XRAY_PHANTOM,
            images=True,
        ),
        Dataset(
            "chest_xray",
            "5,856 real chest X-rays of children (PneumoniaMNIST or Kermany's JPEGs), simulated hospitals; needs "
            "`data fetch chest_xray` or --data-dir",
            "real",
            False,
            "data.chest_xray:load",
            dataset_settings.CHEST_XRAY,
            "data.chest_xray_files",
            images=True,
        ),
        Dataset(
            "table",
            "any hospitals' own CSV files, one each, with a schema (`data describe FOLDER` drafts one); --data-dir "
            "names the folder",
            "real",
            False,
            "data.hospital_tables:load",
            dataset_settings.TABLE,
            "data.hospital_table_files",
        ),
    )
}


def register_dataset(
    name: str,
    *,
    description: str,
    kind: Literal["real", "simulated"],
    offline: bool = True,
    settings: SettingsSpec | None = None,
    files: str = "",
    images: bool = False,
) -> Callable[[DatasetFunction], DatasetFunction]:
    """Decorator that enters a dataset function into the catalogue.

    Args:
        name: free, and without a colon.
        description: one line for people.
        kind: whether the rows are patients or simulated.
        offline: whether it works without files to download.
        settings: what may be set; without it the function checks its settings itself.
        files: as in `Dataset`.
        images: as in `Dataset`.

    Raises:
        SettingsError: the name is taken by another function, or holds a colon.
    """
    if ":" in name or not name.strip():
        raise SettingsError(f"{clip(repr(name))} cannot name a dataset: a name is not empty and has no colon.")

    def register(function: DatasetFunction) -> DatasetFunction:
        taken = _REGISTRY.get(name)
        if taken is not None and _identity(taken.target) != _identity(function):
            raise SettingsError(f"the dataset name {name!r} is taken by {_identity(taken.target)}; choose another.")
        _REGISTRY[name] = Dataset(name, description, kind, offline, function, settings, files, images)
        return function

    return register


def datasets() -> tuple[Dataset, ...]:
    """All entries, the project's own first."""
    return tuple(_REGISTRY.values())


def find_dataset(name: str) -> Dataset:
    """The entry of that name, or one made for a user's "module:function", which is imported.

    Raises:
        UnknownNameError: no dataset, module or function has that name.
        SettingsError: the module cannot be imported, or the name in it is no function.
    """
    if name in _REGISTRY:
        return _REGISTRY[name]
    if ":" not in name:
        raise UnknownNameError.among("dataset", name, _REGISTRY)
    function = import_dataset_function(name)
    for dataset in _REGISTRY.values():
        if dataset.target is function:
            return dataset
    description = (inspect.getdoc(function) or "a dataset of the user's").splitlines()[0]
    return Dataset(name, description, "real", True, function)


def validate_settings(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with every default filled in, checked without loading any data.

    Settings of a "module:function" that declares none are passed on as they are: its function checks them.

    Raises:
        UnknownNameError: the dataset or a setting is unknown.
        SettingsError: a value is not accepted.
    """
    spec = find_dataset(name).settings
    return dict(settings) if spec is None else spec.resolve(settings)


def load_dataset(
    name: str, settings: Mapping[str, Any], *, data_dir: Path | None = None, seed: int = 0
) -> Federation | ImageFederation:
    """Loads a dataset as the hospitals hold it.

    Args:
        name: a catalogue name, or "module:function" of the user's (also looked for in the working folder).
        settings: the dataset's own settings.
        data_dir: where data files lie; by default TFF_HEALTH_DATA, then the user's cache folder.
        seed: the experiment's seed, at least 0.

    Raises:
        UnknownNameError: the dataset or a setting is unknown.
        SettingsError: a value is not accepted, or the rows cannot give what is asked.
        DataError: data are missing or cannot be used.
    """
    if seed < 0:
        raise SettingsError(f"the seed must be at least 0, not {seed}.")
    dataset = find_dataset(name)
    validated = dict(settings) if dataset.settings is None else dataset.settings.resolve(settings)
    given = {key: value for key, value in validated.items() if key in settings}
    federation = dataset.function()(given, data_dir=data_dir, seed=seed)

    from data.federation import Federation
    from data.image_federation import ImageFederation

    if not isinstance(federation, Federation | ImageFederation):
        raise DataError(
            f"dataset {name}: its function returned {type(federation).__name__}, not a Federation or ImageFederation."
        )
    return federation


def is_present(name: str, data_dir: Path | None = None) -> bool:
    """Whether the dataset can be loaded without a download, as far as a look at file names tells."""
    dataset = find_dataset(name)
    return not dataset.files or bool(_files_module(dataset).is_present(data_dir))


def fetch_dataset(
    name: str,
    target_dir: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path | None:
    """Downloads and verifies the dataset's files.

    Args:
        name: a dataset.
        target_dir: folder that gets the dataset's folder; see `data.locations.data_root`.
        progress: called with (bytes done, bytes in all or None).

    Returns:
        The folder that holds the files; None where the dataset needs none.

    Raises:
        UnknownNameError: the dataset is unknown.
        DataError: the download failed.
    """
    dataset = find_dataset(name)
    return Path(_files_module(dataset).fetch(target_dir, progress)) if dataset.files else None


def check_dataset(name: str, data_dir: Path | None = None) -> tuple[str, ...]:
    """Verifies the dataset's files, then loads it with its default settings.

    Returns:
        Sentences for people.

    Raises:
        UnknownNameError: the dataset is unknown.
        DataError: a file is missing or damaged, or the data cannot be used.
    """
    dataset = find_dataset(name)
    sentences = tuple(_files_module(dataset).check(data_dir)) if dataset.files else ()
    return (*sentences, f"{name} loads: {_counts(load_dataset(name, {}, data_dir=data_dir))}.")


def _counts(federation: Federation | ImageFederation) -> str:
    from data.image_federation import ImageFederation

    train = sum(len(hospital.train) for hospital in federation.hospitals)
    hospitals = f"{len(federation.members)} training hospitals"
    if isinstance(federation, ImageFederation):
        side = f"{federation.size} x {federation.size}"
        return (
            f"{hospitals}, {train:,} training images of {side} pixels, {len(federation.validation):,} for validation, "
            f"{len(federation.test):,} held-out images"
        )
    test = sum(len(hospital.test) for hospital in federation.hospitals)
    return f"{hospitals}, {train:,} training rows, {test:,} held-out rows"


def _files_module(dataset: Dataset) -> Any:
    return importlib.import_module(dataset.files)


def _identity(target: str | DatasetFunction) -> str:
    return target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
