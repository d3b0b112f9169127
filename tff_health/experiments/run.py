"""One run of an experiment: datasets one after another, each arm in steps, resumable after any of them."""

from __future__ import annotations

import contextlib
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from data.catalogue import is_present, load_dataset
from data.errors import SettingsError
from tff_health.evaluation.classification import classification_metrics
from tff_health.experiments.arms import ArmRun, build_arm
from tff_health.experiments.outcome import dataset_result
from tff_health.experiments.prepared import PreparedDataset, prepare
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.run_folder import ROUND_COLUMNS, TIMING_COLUMNS, Table, open_folder, safe_name
from tff_health.experiments.selection import Score, chosen, select, selection_rounds
from tff_health.experiments.settings import Candidate, ExperimentSettings
from tff_health.reporting.paper import compare
from tff_health.reporting.report import make_report
from tff_health.reporting.results import DatasetResult, Results, save_results
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.runtime.environment import describe_environment
from tff_health.runtime.progress import Progress
from tff_health.runtime.signals import InterruptGuard, interruptible

_PREPARING = 15  # what preparing a dataset weighs on the progress bar, in calls of TFF
_REPORTING = 40


@dataclass
class RunOutcome:
    """What a finished run left behind.

    Attributes:
        folder: the run folder.
        report: its report.html.
        results: what results.json holds.
        refused: sentences about checkpoints that could not be used.
    """

    folder: Path
    report: Path
    results: Results
    refused: list[str] = field(default_factory=list)


def present_datasets(settings: ExperimentSettings, data_dir: Path | None) -> tuple[ExperimentSettings, list[str]]:
    """Leaves out optional datasets whose files are not there.

    Returns:
        The settings of what will run, and one sentence for each dataset left out.

    Raises:
        SettingsError: nothing is left.
    """
    kept, sentences = {}, []
    for name, task in settings.datasets.items():
        if task.optional and not is_present(task.source or name, data_dir):
            source = task.source or name
            sentences.append(
                f"{name} was left out: its files are not here; `run_experiments.py data fetch {source}` gets them, or "
                "--data-dir names their folder."
            )
        else:
            kept[name] = task
    if not kept:
        raise SettingsError("no dataset of the experiment is at hand: " + " ".join(sentences))
    return settings.model_copy(update={"datasets": kept}), sentences


def run_experiment(
    settings: ExperimentSettings,
    folder: Path,
    *,
    data_dir: Path | None = None,
    resume: bool = False,
    quiet: bool = False,
    command: str = "",
) -> RunOutcome:
    """Runs an experiment into a folder, or goes on with one that was interrupted.

    Weights, scores and rounds.csv do not depend on whether and where a run was interrupted.

    Args:
        settings: validated settings (`loading.load_settings`), without absent datasets (`present_datasets`).
        folder: the run folder.
        data_dir: where data files lie.
        resume: go on with the run in `folder`.
        quiet: show no progress.
        command: what the report names as the command to make it again.

    Raises:
        TffHealthError: bad data, an unusable folder, an interruption; the folder keeps all finished steps.
    """
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%S%z"), time.monotonic()
    # Data are read before the folder is made: a misnamed file must not leave an empty run behind.
    federations = {
        name: load_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed).require_trainable()
        for name, task in settings.datasets.items()
    }
    open_folder(folder, settings, resume=resume)
    parallel = settings.parallel_clients or -1
    run = _Run(settings, folder)
    with (
        interruptible() as guard,
        execution_context(max_concurrent_computation_calls=parallel),
        Progress(run.total_work(), quiet=quiet) as run.progress,
        run.tables(resume),
    ):
        run.guard = guard
        datasets = {name: run.dataset(name, federation) for name, federation in federations.items()}
        run.progress.stage("report")
        results = Results(
            experiment=settings.experiment,
            title=settings.title,
            question=settings.question,
            datasets=datasets,
            environment=describe_environment(),
            seeds={"experiment": settings.seed, "repeats": settings.repeats},
            seconds=time.monotonic() - clock,
            started=started,
            command=command,
        )
        results.references = compare(results)
        save_results(results, folder / "results.json")
        report = make_report(folder)
        run.progress.advance(_REPORTING)
    return RunOutcome(folder, report, results, run.refused)


class _Run:
    """The state that the steps of one run share."""

    progress: Progress
    guard: InterruptGuard
    rounds: Table
    timings: Table
    predictions: Table

    def __init__(self, settings: ExperimentSettings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.refused: list[str] = []

    @contextlib.contextmanager
    def tables(self, resume: bool) -> Iterator[None]:
        """The growing tables; rounds.csv is written again from checkpoints when a run is resumed."""
        folder = self.folder
        columns = ("dataset", "arm", "seed", "hospital", "patient", "label", "score")
        with (
            Table(folder / "rounds.csv", ROUND_COLUMNS) as self.rounds,
            Table(folder / "timings.csv", TIMING_COLUMNS, append=resume) as self.timings,
            Table(folder / "predictions.csv", columns) as self.predictions,
        ):
            yield

    def total_work(self) -> int:
        """All calls of TFF, and some more for what is not one."""
        work = _REPORTING
        for name, task in self.settings.datasets.items():
            arms = {arm: self.settings.candidates(name, arm) for arm in task.arms}
            work += _PREPARING + selection_rounds(arms, self.settings.folds, self.settings.rounds)
            work += sum(self._steps(candidates[0]) for candidates in arms.values())
        return work

    def dataset(self, name: str, federation: Any) -> DatasetResult:
        """Prepares a dataset, chooses candidates, trains every arm and scores it."""
        settings, task = self.settings, self.settings.datasets[name]
        self.progress.stage(f"{name}: federated preprocessing")
        dataset = prepare(name, federation, task.preprocessing)
        cache = ProcessCache(dataset.feature_shape, settings.seed)
        self.progress.advance(_PREPARING)
        scores = self._select(dataset, cache)
        arms: dict[str, ArmRun] = {}
        for arm_name in task.arms:
            candidate = chosen(scores, arm_name).candidate
            arms[arm_name] = self._train(dataset, arm_name, candidate, cache)
        return dataset_result(
            dataset,
            task,
            arms,
            scores,
            folds=settings.folds,
            seed=settings.seed,
            resamples=settings.bootstrap,
            seconds=self._seconds(name),
        )

    def _select(self, dataset: PreparedDataset, cache: ProcessCache) -> list[Score]:
        settings = self.settings
        arms = {arm: settings.candidates(dataset.name, arm) for arm in settings.datasets[dataset.name].arms}
        calls = selection_rounds(arms, settings.folds, settings.rounds)
        flat = [(arm, candidate) for arm, candidates in arms.items() for candidate in candidates]
        self.progress.stage(f"{dataset.name}: choosing hyperparameters on training rows")
        with self._store(dataset, "selection") as store:
            saved = self._latest(store)
            if saved is not None:
                self.progress.skip(calls)
                return [Score(arm, c, float(loss)) for (arm, c), loss in zip(flat, saved["log_loss"], strict=True)]
            scores = select(
                dataset,
                arms,
                cache,
                rounds=settings.rounds,
                folds=settings.folds,
                seed=settings.seed,
                advance=self._one_call,
            )
            store.save(0, {"log_loss": np.array([score.log_loss for score in scores])})
        return scores

    def _train(self, dataset: PreparedDataset, name: str, candidate: Candidate, cache: ProcessCache) -> ArmRun:
        settings = self.settings
        arm = build_arm(dataset, candidate, cache, rounds=settings.rounds, repeats=settings.repeats, seed=settings.seed)
        self.progress.stage(f"{dataset.name}: {name}")
        with self._store(dataset, name) as store:
            saved = self._latest(store)
            if saved is not None:
                arm.restore(saved)
                self.progress.skip(arm.step)
                for step in range(1, arm.step + 1):
                    self._write_rounds(dataset, name, arm, step)
            while not arm.finished:
                self.guard.check()
                clock = time.perf_counter()
                arm.advance()
                seconds = time.perf_counter() - clock
                store.save(arm.step, arm.payload())
                self._write_rounds(dataset, name, arm, arm.step)
                self.timings.write([(dataset.name, name, arm.step, round(seconds, 6))])
                self.progress.advance(note=f"step {arm.step} of {arm.total_steps}")
        self._write_predictions(dataset, name, arm)
        self._save_model(dataset, name, arm)
        return arm

    def _one_call(self) -> None:
        self.guard.check()
        self.progress.advance()

    @contextlib.contextmanager
    def _store(self, dataset: PreparedDataset, part: str) -> Iterator[CheckpointStore]:
        folder = self.folder / "checkpoints" / safe_name(dataset.name) / safe_name(part)
        store = CheckpointStore(folder, f"{self.settings.fingerprint}/{dataset.fingerprint}/{part}")
        try:
            yield store
        finally:
            store.close()

    def _latest(self, store: CheckpointStore) -> Any:
        checkpoint = store.latest()
        self.refused += [refused.message for refused in store.refused]
        return None if checkpoint is None else checkpoint.payload

    def _write_rounds(self, dataset: PreparedDataset, name: str, arm: ArmRun, step: int) -> None:
        rows = []
        for part, repeat, number in arm.rows_of_step(step):
            metrics = classification_metrics(dataset.test_labels, arm.scores[part, repeat, number])
            shown = [None if np.isnan(metrics[column]) else float(metrics[column]) for column in ROUND_COLUMNS[5:13]]
            label = f"{name}/{arm.parts[part]}" if arm.parts[part] else name
            loss = float(arm.train_loss[part, repeat, number])
            rows.append((dataset.name, label, repeat + 1, number, loss, *shown, None))
        self.rounds.write(rows)

    def _write_predictions(self, dataset: PreparedDataset, name: str, arm: ArmRun) -> None:
        hospitals, labels = dataset.test_hospitals, dataset.test_labels
        for part, repeat in np.ndindex(*arm.scores.shape[:2]):
            label = f"{name}/{arm.parts[part]}" if arm.parts[part] else name
            final = arm.scores[part, repeat, -1]
            self.predictions.write(
                [
                    (dataset.name, label, repeat + 1, hospitals[i], i, int(labels[i]), float(np.round(final[i], 6)))
                    for i in range(len(labels))
                ]
            )

    def _save_model(self, dataset: PreparedDataset, name: str, arm: ArmRun) -> None:
        """The first repeat's final model, in Keras' own format, one file a part."""
        for part, weights in zip(arm.parts, (part[0] for part in arm.weights), strict=True):
            if weights is None:
                continue
            label = f"{dataset.name}-{name}" + (f"-{part}" if part else "")
            path = self.folder / "model" / f"{safe_name(label)}.keras"
            arm.cache.predictor(arm.candidate).load(weights).save(path)

    def _seconds(self, dataset: str) -> dict[str, float]:
        """Median seconds a step, by arm; the first step, which compiles, is left out where there are more."""
        taken: dict[str, list[float]] = {}
        with (self.folder / "timings.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["dataset"] == dataset:
                    taken.setdefault(row["arm"], []).append(float(row["seconds"]))
        return {arm: median(seconds[1:] or seconds) for arm, seconds in taken.items()}

    def _steps(self, candidate: Candidate) -> int:
        if candidate.method in ("pooled", "alone", "paper-listing"):
            return self.settings.rounds
        return 1 if candidate.method == "logistic-regression" else self.settings.rounds * self.settings.repeats
