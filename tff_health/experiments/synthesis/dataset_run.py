"""One dataset of an experiment on synthesizers: split by split, arm by arm. Resumable anywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tff_health.experiments.aggregator_statement import synthesizer_claim
from tff_health.experiments.cost_meter import CostMeter
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.events import Listener
from tff_health.experiments.extensions import load_extensions
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.generators.cells import Cell, document_of
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.synthesis.fitting import Part, fit_part, parts
from tff_health.experiments.synthesis.keeping import keep_generator, keep_table
from tff_health.experiments.synthesis.loaded_splits import LoadedSplits
from tff_health.experiments.synthesis.outcome import dataset_result
from tff_health.experiments.synthesis.settings import SynthesisArm, SynthesisSettings
from tff_health.experiments.synthesis.split_source import Split, SplitSource
from tff_health.experiments.synthesis.tables import TRAINING_VALUES
from tff_health.experiments.synthesis.workload import EVALUATING, evaluating_work, fitting_work
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.reporting.results import DatasetResult
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.seeds import integer_seed
from tff_health.runtime.signals import InterruptGuard

if TYPE_CHECKING:
    from tff_health.experiments.apart.hospitals import Hospitals


def run_synthesis(
    settings: SynthesisSettings,
    name: str,
    folder: Path,
    listener: Listener,
    guard: InterruptGuard,
    *,
    data_dir: Path | None = None,
    hospitals: Hospitals | None = None,
) -> DatasetResult:
    """Runs, or goes on with, all splits and arms of one dataset: see `kinds.run_dataset`."""
    load_extensions(settings.extensions)
    source: SplitSource = LoadedSplits(settings, name, data_dir)
    if hospitals is not None:
        source = hospitals.splits(settings, name)
    with PrivacyLedger(ledger_file(folder, name)) as ledger:
        run = _SynthesisRun(settings, name, folder, listener, guard, ledger, source)
        cells: list[Cell] = []
        for split in range(settings.splits_of(name)):
            # One worker a split: starting one takes as long as a set of marginals, and it grows with what it has run.
            with source.context():
                cells += run.split(split)
        listener.stage(f"{name}: scoring")
        return dataset_result(settings, name, source.split(0).federation, cells, ledger, hiding=source.hiding)


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
        source: SplitSource,
    ) -> None:
        self.settings, self.name, self.folder = settings, name, folder
        self.listener, self.guard, self.ledger, self.source = listener, guard, ledger, source
        self.task = settings.datasets[name]
        self.checkpoints = DatasetCheckpoints(folder, name, settings.fingerprint, listener)

    def split(self, number: int) -> list[Cell]:
        """All cells of one split: the real rows, then every arm that takes part."""
        split = self.source.split(number)
        digest = split.digest
        cells = [self._cell(number, "real", digest, EVALUATING, lambda store: self._real(split, number))]
        for label, arm in self.task.arms.items():
            if number >= self.settings.splits_of(self.name, label):
                continue
            plan = plan_arm(arm, split.federation.training_rows)
            synthesizer_claim(plan.synthesizer)  # refused now, and not when all is fitted
            found = parts(arm, split.matrices)
            share = 1 / len(found)
            work = share * (fitting_work(arm) + evaluating_work(self.settings, self.name, arm, number))
            for part in found:
                full = f"{label}/{part.name}" if part.name else label

                def synthesise(
                    store: CheckpointStore,
                    full: str = full,
                    arm: SynthesisArm = arm,
                    part: Part = part,
                    plan: Any = plan,
                    share: float = share,
                ) -> dict[str, Any]:
                    return self._synthetic(split, number, full, arm, part, plan, store, share)

                cells.append(self._cell(number, full, digest, work, synthesise))
        return cells

    def _cell(self, split: int, label: str, digest: str, work: float, compute: Any) -> Cell:
        """One cell from its checkpoint, or computed and saved."""
        self.guard.check()
        document, saved = document_of(self.checkpoints, digest, split, label, compute)
        if saved:
            require_entry(self.ledger, self.name, label, split)
            self.listener.skip(work)
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

    def _real(self, split: Split, number: int) -> dict[str, Any]:
        self.listener.stage(f"{self.name}, split {number + 1}: real rows")
        clock = time.perf_counter()
        document = split.measure_real()
        self._advance(EVALUATING, clock, "real", number)
        return document

    def _synthetic(
        self,
        split: Split,
        number: int,
        label: str,
        arm: SynthesisArm,
        part: Part,
        plan: Any,
        store: CheckpointStore,
        share: float,
    ) -> dict[str, Any]:
        settings, schema = self.settings, split.federation.schema
        self.listener.stage(f"{self.name}, split {number + 1}: {label}")
        clock, work = time.perf_counter(), share * fitting_work(arm)
        told, costs = 0.0, CostMeter(self.source.costs, self.listener, self.name, label)

        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            nonlocal told
            costs.step(done)
            self.guard.check()
            due = work * done / max(total, 1)
            self.listener.advance(due - told, f"round {done} of {total}")
            told = due

        fitted = fit_part(
            plan,
            part,
            schema,
            ArmKey(self.name, label, number + 1),
            self.ledger,
            seed=settings.seed,
            progress=progress,
            checkpoints=store,
            probe=split.probe(part),
        )
        seconds = time.perf_counter() - clock
        self.listener.advance(work - told)
        rows = max(round(settings.evaluation_of(self.name).rows * part.rows), 2)
        clock = time.perf_counter()
        table = fitted.generator.sample(rows, seed=integer_seed(settings.seed, "sample", self.name, label, number))
        if number == 0:
            keep_generator(self.folder, self.name, label, fitted.generator, plan, part, self.source.hiding)
            keep_table(self.folder, self.name, label, schema, table)
        document = split.measure_synthetic(table, part, augments=arm.augments)
        document |= {
            "kind": plan.synthesizer.kind,
            "seconds": seconds,
            "facts": {**fitted.facts, **costs.means},
            "history": [dict(point) for point in fitted.history] if number == 0 else [],
        }
        self._advance(share * evaluating_work(settings, self.name, arm, number), clock, label, number)
        return document

    def _advance(self, work: float, clock: float, label: str, split: int) -> None:
        seconds = time.perf_counter() - clock
        self.listener.rows("timings", [(self.name, label, split + 1, "measuring", round(seconds, 3))])
        self.listener.advance(work)
