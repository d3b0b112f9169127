"""One dataset of a run: prepare, choose on training rows, train every arm step by step, score. Resumable anywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from data.modality import load_table_dataset
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.evaluation.classification import classification_metrics
from tff_health.experiments.aggregator_choice import backend_of
from tff_health.experiments.aggregator_statement import claim_document
from tff_health.experiments.arm_kinds import build_arm
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.attacks import Findings, run_attack
from tff_health.experiments.cost_meter import CostMeter
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.dataset_source import DatasetSource, LoadedDataset
from tff_health.experiments.events import Listener
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.outcome import dataset_result
from tff_health.experiments.prepared import PreparedDataset
from tff_health.experiments.privacy_statements import REPORT_STATISTICS, reserve_unprotected
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.run_folder import METRIC_COLUMNS, RunFolderError, explain, ledger_file
from tff_health.experiments.selection import Score, chosen, select
from tff_health.experiments.settings import Candidate, ExperimentSettings
from tff_health.experiments.workload import ATTACKING, PREPARING, attack_steps, selection_calls
from tff_health.privacy.composition import Event, is_free
from tff_health.privacy.events import decode_event, encode_event
from tff_health.privacy.ledger import AccountingError, PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.reporting.results import DatasetResult
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.file_names import arm_file
from tff_health.runtime.signals import InterruptGuard

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals


def run_dataset(
    settings: ExperimentSettings,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    hospitals: Hospitals | None = None,
) -> DatasetResult:
    """Runs, or goes on with, all arms of one dataset: see `kinds.run_dataset`."""
    load_extensions(settings.extensions)
    task = settings.datasets[name]
    source: DatasetSource
    if hospitals is None:
        federation = load_table_dataset(task.source or name, task.options, data_dir=data_dir, seed=settings.seed)
        source = LoadedDataset(name, federation, settings.parallel_clients)
    else:
        source = hospitals.dataset(name)
    with source.context(), PrivacyLedger(ledger_file(folder, name)) as ledger:
        listener.stage(f"{name}: federated preprocessing")
        dataset = source.prepare(task.preprocessing)
        reserve_unprotected(ledger, dataset, REPORT_STATISTICS)
        run = _DatasetRun(settings, source, dataset, folder, listener, guard, ledger)
        listener.advance(PREPARING)
        scores = run.select()
        arms = {arm: run.train(arm, chosen(scores, arm).candidate) for arm in task.arms}
        findings = run.attack(arms)
        listener.stage(f"{name}: scoring")
        return dataset_result(
            dataset,
            task,
            arms,
            scores,
            folds=settings.folds,
            seed=settings.seed,
            resamples=settings.bootstrap,
            seconds=run.seconds_per_step,
            private_preprocessing=run.private_preprocessing,
            findings=findings,
            costs=run.costs,
        )


class _DatasetRun:
    """What the steps of one dataset share."""

    def __init__(
        self,
        settings: ExperimentSettings,
        source: DatasetSource,
        dataset: PreparedDataset,
        folder: Path,
        listener: Listener,
        guard: InterruptGuard,
        ledger: PrivacyLedger,
    ) -> None:
        self.settings, self.source, self.dataset, self.folder = settings, source, dataset, folder
        self.listener, self.guard, self.ledger = listener, guard, ledger
        self.checkpoints = DatasetCheckpoints(folder, dataset.name, settings.fingerprint, listener)
        self.cache = ProcessCache(dataset.feature_shape, settings.seed, dataset.rows_by_hospital)
        self.seconds_per_step: dict[str, float] = {}
        self.costs: dict[str, Mapping[str, float]] = {}
        self._private: tuple[PreparedDataset, ProcessCache] | None = None
        rule = settings.datasets[dataset.name].threshold
        # A rule chooses its threshold when training has ended; until then rounds are counted at .5.
        self.threshold = rule if isinstance(rule, float) else 0.5

    def select(self) -> list[Score]:
        """Cross-validated candidates, from a checkpoint where there is one."""
        settings, name = self.settings, self.dataset.name
        arms = {arm: settings.candidates(name, arm) for arm in settings.datasets[name].arms}
        flat = [(arm, candidate) for arm, candidates in arms.items() for candidate in candidates]
        self.listener.stage(f"{name}: choosing hyperparameters on training rows")
        with self._store("selection") as store:
            saved = self.checkpoints.latest(store)
            if saved is not None:
                self.listener.skip(selection_calls(settings, name))
                return [Score(arm, c, float(loss)) for (arm, c), loss in zip(flat, saved["log_loss"], strict=True)]
            scores = select(
                self.dataset,
                arms,
                self.cache,
                folds=settings.folds,
                seed=settings.seed,
                advance=self._one_call,
            )
            store.save(0, {"log_loss": np.array([score.log_loss for score in scores])})
        return scores

    def train(self, name: str, candidate: Candidate) -> ArmRun:
        """Trains one arm to its end, from its last checkpoint where there is one."""
        settings = self.settings
        dataset, cache = self.private() if candidate.privacy else (self.dataset, self.cache)
        arm = build_arm(name, dataset, candidate, cache, self.ledger, repeats=settings.repeats, seed=settings.seed)
        if candidate.is_federated:
            claim_document(candidate.aggregator, candidate.rounds)  # refused now, and not when all is trained
        if candidate.privacy is None:
            reserve_unprotected(self.ledger, dataset, name)
        seconds: list[float] = []
        self.listener.stage(f"{self.dataset.name}: {name}")
        with self._store("arms", name) as store, backend_of(candidate):
            saved = self.checkpoints.latest(store)
            if saved is not None:
                arm.restore(saved)
                seconds = [float(value) for value in saved["seconds"]]
                self.listener.skip(arm.step)
                for step in range(1, arm.step + 1):
                    self._report_rounds(name, arm, step)
            costs = CostMeter(self.source.costs, self.listener, self.dataset.name, name)
            while not arm.finished:
                self.guard.check()
                clock = time.perf_counter()
                arm.advance()
                seconds.append(time.perf_counter() - clock)
                costs.step(arm.step)
                store.save(arm.step, {**arm.payload(), "seconds": np.array(seconds)})
                self._report_rounds(name, arm, arm.step)
                self.listener.rows("timings", [(self.dataset.name, name, arm.step, round(seconds[-1], 6))])
                self.listener.advance(1, f"step {arm.step} of {arm.total_steps}")
            if candidate.privacy is not None:
                store.keep_newest()  # the one without the state of the noise
        # The first step compiles; it is left out where there are more.
        self.seconds_per_step[name] = median(seconds[1:] or seconds)
        self.costs[name] = costs.means
        self._report_predictions(name, arm)
        self._save_models(name, arm)
        return arm

    def attack(self, arms: Mapping[str, ArmRun]) -> Findings:
        """Attacks and audits of all arms, each from a checkpoint where there is one."""
        findings = Findings()
        for kind, name in attack_steps(self.settings, self.dataset.name):
            self.guard.check()
            self.listener.stage(f"{self.dataset.name}: {kind} {name}".rstrip())
            with self._store("attacks", kind, name or "-") as store:
                saved = self.checkpoints.latest(store)
                if saved is None:
                    document = run_attack(kind, arms.get(name), self.dataset, self.settings)
                    store.save(0, {"json": json.dumps(document)})
                    self.listener.advance(ATTACKING)
                else:
                    document = json.loads(str(saved["json"]))
                    self.listener.skip(ATTACKING)
            findings.add(kind, name, document)
        return findings

    def private(self) -> tuple[PreparedDataset, ProcessCache]:
        """The dataset as arms that claim privacy see it, and their processes; made once, and never again after a stop.

        Doing it again would draw other noise: another release, and other features than the ones half trained on.
        """
        if self._private is None:
            name = self.dataset.name
            chosen = self.settings.datasets[name].private_preprocessing
            with self._store("private preprocessing") as store:
                saved = self.checkpoints.latest(store)
                if saved is None:
                    dataset, event = self.source.prepare_privately(chosen, self._reserve_preprocessing)
                    document = {"preprocessor": dataset.preprocessor.to_dict(), "event": encode_event(event)}
                    store.save(0, {"json": json.dumps(document)})
                else:
                    document = json.loads(str(saved["json"]))
                    preprocessor = TablePreprocessor.from_dict(document["preprocessor"])
                    dataset, event = self.source.restored(preprocessor), decode_event(document["event"])
                    self._require_preprocessing_entry(event)
            cache = ProcessCache(dataset.feature_shape, self.settings.seed, dataset.rows_by_hospital, event)
            self._private = dataset, cache
        return self._private

    @property
    def private_preprocessing(self) -> list[str]:
        """What was done for private arms, in sentences; empty where there are none."""
        return self._private[0].preprocessor.describe() if self._private else []

    def _reserve_preprocessing(self, event: Event) -> None:
        hospitals = tuple(self.dataset.rows_by_hospital)
        entry = LedgerEntry(self.dataset.name, None, None, "patient", event, "preprocessing", hospitals)
        self.ledger.confirm(self.ledger.reserve(entry))

    def _require_preprocessing_entry(self, event: Event) -> None:
        if not is_free(event) and not any(entry.kind == "preprocessing" for entry in self.ledger.entries):
            raise AccountingError(
                f"privacy: the ledger of {self.dataset.name} lacks the release of its preprocessing: bring the run "
                "folder's ledger/ back, or begin a new run."
            )

    def _one_call(self) -> None:
        self.guard.check()
        self.listener.advance(1)

    def _store(self, *step: str) -> AbstractContextManager[CheckpointStore]:
        return self.checkpoints.store(self.dataset.fingerprint, *step)

    def _report_rounds(self, name: str, arm: ArmRun, step: int) -> None:
        rows = []
        for part, repeat, number in arm.rows_of_step(step):
            scores, loss = arm.scores[part, repeat, number], float(arm.train_loss[part, repeat, number])
            metrics = dict.fromkeys(METRIC_COLUMNS, float("nan"))
            if np.isfinite(scores).all():  # a model that has diverged keeps its row, with empty cells
                metrics = classification_metrics(self.dataset.test_labels, scores, self.threshold)
            cells = [
                None if np.isnan(value) else float(value) for value in (loss, *(metrics[c] for c in METRIC_COLUMNS))
            ]
            spent = arm.epsilon_after(repeat, number)
            rows.append((self.dataset.name, _label(name, arm.parts[part]), repeat + 1, number, *cells, spent))
        self.listener.rows("rounds", rows)

    def _report_predictions(self, name: str, arm: ArmRun) -> None:
        if self.dataset.is_masked:  # scores come as counts: they are nobody's in particular
            return
        hospitals, labels = self.dataset.test_hospitals.tolist(), self.dataset.test_labels.tolist()
        for part, repeat in np.ndindex(*arm.scores.shape[:2]):
            label = _label(name, arm.parts[part])
            if not np.isfinite(arm.scores[part, repeat, -1]).all():
                continue
            final = np.round(arm.scores[part, repeat, -1], 6).tolist()
            self.listener.rows(
                "predictions",
                [
                    (self.dataset.name, label, repeat + 1, hospital, patient, truth, score)
                    for patient, (hospital, truth, score) in enumerate(zip(hospitals, labels, final, strict=True))
                ],
            )

    def _save_models(self, name: str, arm: ArmRun) -> None:
        """The first repeat's final models in Keras' own format, one file a part."""
        for part, weights in zip(arm.parts, (part[0] for part in arm.weights), strict=True):
            if weights is not None:
                path = arm_file(self.folder, "model", self.dataset.name, _label(name, part), ".keras")
                try:
                    arm.cache.predictor(arm.candidate).load(weights).save(path)
                except OSError as error:
                    raise RunFolderError(explain(error, self.folder)) from error


def _label(arm: str, part: str) -> str:
    return f"{arm}/{part}" if part else arm
