"""One dataset of an experiment on synthesizers: split by split, arm by arm. Resumable anywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.federation import Federation
from tff_health.experiments.aggregator_statement import synthesizer_claim
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.events import Listener
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.generators.cells import Cell, document_of
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.synthesis.augmentation import FederatedAugmentation
from tff_health.experiments.synthesis.fitting import Part, fit_part, parts, training_matrices
from tff_health.experiments.synthesis.keeping import keep_generator, keep_table
from tff_health.experiments.synthesis.measuring import measure_real, measure_synthetic
from tff_health.experiments.synthesis.outcome import dataset_result
from tff_health.experiments.synthesis.probing import variety_probe
from tff_health.experiments.synthesis.settings import SynthesisArm, SynthesisSettings
from tff_health.experiments.synthesis.splits import fingerprint, load_split
from tff_health.experiments.synthesis.tables import TRAINING_VALUES
from tff_health.experiments.synthesis.workload import EVALUATING, evaluating_work, fitting_work
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.reporting.results import DatasetResult
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.context import execution_context
from tff_health.runtime.seeds import integer_seed
from tff_health.runtime.signals import InterruptGuard


def run_synthesis(
    settings: SynthesisSettings,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
) -> DatasetResult:
    """Runs, or goes on with, all splits and arms of one dataset: see `kinds.run_dataset`."""
    load_extensions(settings.extensions)
    with PrivacyLedger(ledger_file(folder, name)) as ledger:
        run = _SynthesisRun(settings, name, folder, listener, guard, ledger, data_dir)
        cells: list[Cell] = []
        for split in range(settings.splits_of(name)):
            # One worker a split: starting one takes as long as a set of marginals, and it grows with what it has run.
            with execution_context():
                cells += run.split(split)
        listener.stage(f"{name}: scoring")
        return dataset_result(settings, name, run.federation(0), cells, ledger)


class _SynthesisRun:
    """What the splits of one dataset share."""

    def __init__(
        self,
        settings: SynthesisSettings,
        name: str,
        folder: Path,
        listener: Listener,
        guard: InterruptGuard,
        ledger: PrivacyLedger,
        data_dir: Path | None,
    ) -> None:
        self.settings, self.name, self.folder = settings, name, folder
        self.listener, self.guard, self.ledger, self.data_dir = listener, guard, ledger, data_dir
        self.task = settings.datasets[name]
        self.checkpoints = DatasetCheckpoints(folder, name, settings.fingerprint, listener)

    def federation(self, split: int) -> Federation:
        """The hospitals with the train/test division of one split."""
        return load_split(self.settings, self.name, split, data_dir=self.data_dir)

    def split(self, split: int) -> list[Cell]:
        """All cells of one split: the real rows, then every arm that takes part."""
        federation = self.federation(split)
        matrices = training_matrices(federation)
        digest = fingerprint(matrices)
        chosen = self.settings.evaluation_of(self.name).augmentation
        augmentation = FederatedAugmentation(federation, self._scoring_seed(split)) if chosen else None
        cells = [self._cell(split, "real", digest, lambda store: self._real(federation, split, augmentation))]
        for label, arm in self.task.arms.items():
            if split >= self.settings.splits_of(self.name, label):
                continue
            plan = plan_arm(arm, {name: len(matrix) for name, matrix in matrices.items()})
            synthesizer_claim(plan.synthesizer)  # refused now, and not when all is fitted
            for part in parts(arm, matrices):
                full = f"{label}/{part.name}" if part.name else label

                def synthesise(
                    store: CheckpointStore,
                    full: str = full,
                    arm: SynthesisArm = arm,
                    part: Part = part,
                    plan: Any = plan,
                ) -> dict[str, Any]:
                    own = augmentation if arm.augments else None
                    return self._synthetic(federation, split, full, arm, part, plan, store, own)

                cells.append(self._cell(split, full, digest, synthesise))
        return cells

    def _cell(self, split: int, label: str, digest: str, compute: Any) -> Cell:
        """One cell from its checkpoint, or computed and saved."""
        self.guard.check()
        document, saved = document_of(self.checkpoints, digest, split, label, compute)
        if saved:
            require_entry(self.ledger, self.name, label, split)
            self.listener.skip(self._work(split, label))
        self.listener.rows(
            "scores",
            [(self.name, label, split + 1, metric, value) for metric, value in document["metrics"].items()],
        )
        self.listener.rows(
            "training",
            [
                (
                    self.name,
                    label,
                    split + 1,
                    int(point["round"]),
                    int(point.get("updates", 0)),
                    *(point.get(value) for value in TRAINING_VALUES),
                )
                for point in document.get("history", ())
            ],
        )
        return Cell(split, label, document)

    def _work(self, split: int, label: str) -> float:
        if label == "real":
            return EVALUATING
        arm = self.task.arms[label.split("/")[0]]
        share = 1 / len(parts_of(arm, label, self.federation(split)))
        return share * (fitting_work(arm) + evaluating_work(self.settings, self.name, arm, split))

    def _scoring_seed(self, split: int) -> int:
        return integer_seed(self.settings.seed, "scoring", self.name, split)

    def _real(self, federation: Federation, split: int, augmentation: FederatedAugmentation | None) -> dict[str, Any]:
        self.listener.stage(f"{self.name}, split {split + 1}: real rows")
        clock, chosen = time.perf_counter(), self.settings.evaluation_of(self.name)
        document = measure_real(
            federation,
            only=self.settings.splits_of(self.name) == 1,
            seed=self._scoring_seed(split),
            augmentation=augmentation,
            control=split == 0 and chosen.membership and all(arm.role != "control" for arm in self.task.arms.values()),
        )
        self._advance(EVALUATING, clock, "real", split)
        return document

    def _synthetic(
        self,
        federation: Federation,
        split: int,
        label: str,
        arm: SynthesisArm,
        part: Part,
        plan: Any,
        store: CheckpointStore,
        augmentation: FederatedAugmentation | None,
    ) -> dict[str, Any]:
        settings, share = self.settings, 1 / len(parts_of(arm, label, federation))
        self.listener.stage(f"{self.name}, split {split + 1}: {label}")
        clock, work = time.perf_counter(), share * fitting_work(arm)
        told = 0.0

        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            nonlocal told
            self.guard.check()
            due = work * done / max(total, 1)
            self.listener.advance(due - told, f"round {done} of {total}")
            told = due

        key = ArmKey(self.name, label, split + 1)
        fitted = fit_part(
            plan,
            part,
            federation,
            key,
            self.ledger,
            seed=settings.seed,
            progress=progress,
            checkpoints=store,
            probe=variety_probe(part, federation.schema) if split == 0 else None,
        )
        seconds = time.perf_counter() - clock
        self.listener.advance(work - told)
        rows = max(round(settings.evaluation_of(self.name).rows * part.rows), 2)
        clock = time.perf_counter()
        table = fitted.generator.sample(rows, seed=integer_seed(settings.seed, "sample", self.name, label, split))
        if split == 0:
            keep_generator(self.folder, self.name, label, fitted.generator, plan, part)
            keep_table(self.folder, self.name, label, federation.schema, table)
        document = measure_synthetic(
            federation,
            table,
            part,
            settings.evaluation_of(self.name),
            first=split == 0,
            only=settings.splits_of(self.name) == 1,
            augmentation=augmentation,
            seed=self._scoring_seed(split),
        )
        document |= {
            "kind": plan.synthesizer.kind,
            "seconds": seconds,
            "facts": dict(fitted.facts),
            "history": [dict(point) for point in fitted.history] if split == 0 else [],
        }
        self._advance(share * evaluating_work(settings, self.name, arm, split), clock, label, split)
        return document

    def _advance(self, work: float, clock: float, label: str, split: int) -> None:
        seconds = time.perf_counter() - clock
        self.listener.rows("timings", [(self.name, label, split + 1, "measuring", round(seconds, 3))])
        self.listener.advance(work)


def parts_of(arm: SynthesisArm, label: str, federation: Federation) -> tuple[str, ...]:
    """The names of an arm's parts, of which `label` is one."""
    return tuple(hospital.name for hospital in federation.members) if arm.data == "each-hospital" else ("",)
