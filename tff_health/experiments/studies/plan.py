"""The cells of a study: one run for each dataset and seed. Imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.catalogue import is_present
from data.errors import SettingsError, UnknownNameError
from tff_health.experiments.apart.settings import apart_settings
from tff_health.experiments.estimate import core_seconds
from tff_health.experiments.loading import validate
from tff_health.experiments.privacy_settings import AttackSettings
from tff_health.experiments.settings import ExperimentSettings
from tff_health.experiments.studies.grid import expanded
from tff_health.experiments.studies.settings import OF_THE_STUDY, StudySettings
from tff_health.experiments.studies.sweeps import fill_seed
from tff_health.experiments.workload import REPORTING, dataset_work
from tff_health.runtime.file_names import safe_name


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        dataset: its only dataset.
        seed: the experiment's seed.
        settings: of the run.
    """

    dataset: str
    seed: int
    settings: ExperimentSettings

    @property
    def name(self) -> str:
        """Also the name of its run folder."""
        return f"{safe_name(self.dataset)}-seed-{self.seed}"

    @property
    def work(self) -> float:
        """In calls of TFF, for the progress bar."""
        return REPORTING + dataset_work(self.settings, self.dataset)


@dataclass(frozen=True)
class StudyPlan:
    """What a study will run.

    Attributes:
        study: its settings.
        cells: the first seed of every dataset comes first, then the second, so that a study that is stopped early
            has seen all datasets alike.
        left_out: one sentence for each dataset whose files are not here.
    """

    study: StudySettings
    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()

    @property
    def datasets(self) -> dict[str, list[Cell]]:
        """Each dataset's cells, in the order of the settings."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.dataset, []).append(cell)
        return found

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that results depend on, over all cells."""
        prints = {cell.name: cell.settings.fingerprint for cell in self.cells}
        return hashlib.sha256(json.dumps(prints, sort_keys=True).encode()).hexdigest()


def plan_study(study: StudySettings, source: str, data_dir: Path | None = None, *, whole: bool = False) -> StudyPlan:
    """Every cell with validated settings.

    Args:
        study: validated settings.
        source: where they come from, for messages.
        data_dir: where data files lie.
        whole: plan optional datasets too whose files are not here.

    Raises:
        UnknownNameError: a name within the experiment or a sweep is unknown.
        SettingsError: a value is not accepted, no dataset is at hand, or hospitals that are apart run no arm of one.
    """
    foreign = next((key for key in OF_THE_STUDY if key in study.experiment), None)
    if foreign:
        instead = {"experiment": "study", "seed": "seeds"}.get(foreign, foreign)
        raise SettingsError(f"{source}: experiment.{foreign} does not belong there: a study has its own {instead}.")
    try:
        document, seeds = expanded(study)
    except SettingsError as error:
        raise type(error)(f"{source}: {error}") from None
    common = {"experiment": study.study, "question": study.question}
    # Validated as a whole first, so that a bad dataset is named before any is left out.
    every = _validated(fill_seed({**document, **common, "title": study.title}, study.seeds[0]), source)
    present, left_out = [], []
    for name, task in every.datasets.items():
        if task.optional and not whole and not is_present(task.source or name, data_dir):
            left_out.append(
                f"{name} was left out: its files are not here; `uv run run_experiments.py data fetch "
                f"{task.source or name}` gets them, or --data-dir names their folder."
            )
        else:
            present.append(name)
    if not present:
        raise SettingsError("no dataset of the study is at hand: " + " ".join(left_out))
    if study.reference is not None:
        known = dict.fromkeys(arm for task in every.datasets.values() for arm in task.arms)
        if study.reference not in known:
            raise UnknownNameError.among(f"{source}: arm to compare with", study.reference, known)
    cells = []
    for name in present:
        for place, seed in enumerate(seeds[name]):
            alone = {
                **document,
                **common,
                "title": f"{study.title}: {name}, seed {seed}",
                "seed": seed,
                "datasets": {name: document["datasets"][name]},
            }
            settings = _validated(fill_seed(alone, seed), source)
            if study.attacked_seeds is not None and place >= study.attacked_seeds:
                settings = settings.model_copy(update={"attacks": AttackSettings()})
            if study.apart:
                reduced, sentences = apart_settings(settings)
                assert isinstance(reduced, ExperimentSettings)
                settings = reduced
                left_out += [sentence for sentence in sentences if sentence not in left_out]
            cells.append((place, Cell(name, seed, settings)))
    ordered = tuple(cell for _, cell in sorted(cells, key=lambda pair: pair[0]))
    return StudyPlan(study, ordered, tuple(left_out))


def _validated(document: dict[str, Any], source: str) -> ExperimentSettings:
    settings = validate(document, source)
    if not isinstance(settings, ExperimentSettings):
        raise SettingsError(f"{source}: studies repeat experiments on classifiers, not of kind {document['kind']!r}.")
    return settings


def plan_seconds(plan: StudyPlan) -> float:
    """Seconds of one core that all cells take, roughly."""
    return sum(core_seconds(cell.settings) for cell in plan.cells)


def describe_plan(plan: StudyPlan) -> str:
    """The plan for a terminal: cells by dataset, and each dataset's arms."""
    study = plan.study
    lines = [f"{study.study}: {study.title}"]
    models = 0
    for name, cells in plan.datasets.items():
        task = cells[0].settings.datasets[name]
        models += sum(len(task.arms) * cell.settings.repeats for cell in cells)
        attacked = sum(cell.settings.attacks.membership or cell.settings.attacks.audit for cell in cells)
        lines.append(f"{name}: {len(cells)} cells, seeds {_seeds(cells)}; attacked in {attacked} of them")
        for arm, settings in task.arms.items():
            lines.append(f"  {arm}{f': {settings.title}' if settings.title else ''}")
    lines.append(f"{len(plan.cells)} cells, {models:,} models.")
    return "\n".join([*lines, *plan.left_out])


def _seeds(cells: list[Cell]) -> str:
    return ", ".join(str(cell.seed) for cell in cells)
