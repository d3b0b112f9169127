"""What each part of a study will run, with everything checked that can be checked before. Imports nothing heavy."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from data.errors import TffHealthError, UnknownNameError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.collections.settings import CollectionSettings, PartSettings
from tff_health.experiments.estimate import core_seconds
from tff_health.experiments.loading import load_settings
from tff_health.experiments.present import present_datasets
from tff_health.experiments.studies.loading import load_study
from tff_health.experiments.studies.plan import StudyPlan, describe_plan, plan_seconds, plan_study


@dataclass(frozen=True)
class PlannedPart:
    """One part, ready to run.

    Attributes:
        name: in the settings, also its folder's.
        title: for people.
        work: settings of an experiment, or the plan of a study.
        command: what makes it alone.
        left_out: one sentence for each dataset whose files are not here.
    """

    name: str
    title: str
    work: ExperimentBase | StudyPlan
    command: str
    left_out: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that its results depend on."""
        return self.work.fingerprint

    @property
    def seconds(self) -> float:
        """Of one core that it takes, roughly."""
        return plan_seconds(self.work) if isinstance(self.work, StudyPlan) else core_seconds(self.work)

    @property
    def document(self) -> str:
        """All of its settings as JSON."""
        return (self.work.study if isinstance(self.work, StudyPlan) else self.work).model_dump_json()

    @property
    def question(self) -> str:
        """What it asks."""
        return self.work.study.question if isinstance(self.work, StudyPlan) else self.work.question


@dataclass(frozen=True)
class CollectionPlan:
    """All parts.

    Attributes:
        settings: of the whole.
        parts: in the order in which they run.
    """

    settings: CollectionSettings
    parts: tuple[PlannedPart, ...]

    @property
    def extensions(self) -> list[str]:
        """Users' modules that the parts import."""
        works = [part.work.study.experiment if isinstance(part.work, StudyPlan) else part.work for part in self.parts]
        named = [work.get("extensions", []) if isinstance(work, dict) else work.extensions for work in works]
        return [str(name) for names in named for name in names]


def plan_collection(settings: CollectionSettings, data_dir: Path | None = None) -> CollectionPlan:
    """Every part with validated settings.

    Args:
        settings: of the whole.
        data_dir: where data files lie.

    Raises:
        TffHealthError: names the part whose settings are not accepted, or whose datasets are all absent.
    """
    parts = []
    for name, part in settings.parts.items():
        try:
            parts.append(_planned(name, part, settings.quick_form, data_dir))
        except TffHealthError as error:
            raise type(error)(f"{settings.study}, part {name}: {error}") from None
    return CollectionPlan(settings, tuple(parts))


def describe_collection(plan: CollectionPlan) -> str:
    """The plan for a terminal."""
    lines = [f"{plan.settings.study}: {plan.settings.title}"]
    for part in plan.parts:
        lines += ["", f"{part.name}: {part.title}"]
        if isinstance(part.work, StudyPlan):
            lines += [f"  {line}" for line in describe_plan(part.work).splitlines()[1:]]
            continue
        for dataset, task in part.work.tasks.items():
            lines.append(f"  {dataset}: {', '.join(getattr(task, 'arms', ()))}")
        lines += [f"  {sentence}" for sentence in part.left_out]
    return "\n".join(lines)


def _planned(name: str, part: PartSettings, quick: bool, data_dir: Path | None) -> PlannedPart:
    overrides = [*part.settings, *(part.quick if quick else ())]
    given = "".join(f" --set {shlex.quote(override)}" for override in overrides)
    if part.study is not None:
        study = load_study(part.study, overrides, quick=quick)
        plan = plan_study(study, part.study, data_dir)
        command = f"uv run run_experiments.py study {part.study}{given}{' --quick' if quick else ''}"
        return PlannedPart(name, part.title or study.title, plan, command, plan.left_out)
    assert part.experiment is not None
    settings = load_settings(part.experiment, overrides)
    if quick and part.quick_datasets:
        for unknown in (chosen for chosen in part.quick_datasets if chosen not in settings.tasks):
            raise UnknownNameError.among(f"dataset of {part.experiment}", unknown, settings.tasks)
        kept = {chosen: settings.tasks[chosen] for chosen in part.quick_datasets}
        settings = settings.model_copy(update={"datasets": kept})
    settings, left_out = present_datasets(settings, data_dir)
    if quick and part.quick_datasets:
        command = f"uv run run_experiments.py run parts/{name}/settings.toml"
    else:
        command = f"uv run run_experiments.py run {part.experiment}{given}"
    return PlannedPart(name, part.title or settings.title, settings, command, tuple(left_out))
