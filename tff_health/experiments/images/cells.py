"""The cells of one dataset of an experiment on images, each by itself and resumable anywhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.image_federation import ImageFederation, LabelledImages
from tff_health.experiments.aggregator_statement import synthesizer_claim
from tff_health.experiments.cost_meter import CostMeter
from tff_health.experiments.dataset_checkpoints import DatasetCheckpoints
from tff_health.experiments.events import Listener
from tff_health.experiments.generators.arm_plan import ArmPlan, plan_arm
from tff_health.experiments.generators.cells import Cell, document_of
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.generators.entered_fit import fit_entered
from tff_health.experiments.images.frozen import frozen_classifier
from tff_health.experiments.images.image_source import ImageSource
from tff_health.experiments.images.keeping import keep_generator, keep_images, keep_pictures
from tff_health.experiments.images.parts import Part
from tff_health.experiments.images.pictures import (
    PICTURE,
    SAMPLES,
    LearningPictures,
    sample_pictures,
)
from tff_health.experiments.images.settings import ImagesArm, ImagesSettings
from tff_health.experiments.images.tables import TRAINING_VALUES
from tff_health.experiments.images.workload import (
    REAL,
    cell_work,
    fitting_work,
    measuring_steps,
    measuring_work,
    real_work,
)
from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.units import Unit
from tff_health.privacy.ledger_entry import ArmKey
from tff_health.privacy.ledger_turns import LedgerTurns
from tff_health.runtime.checkpoints import CheckpointStore
from tff_health.runtime.file_names import label_names, safe_name
from tff_health.runtime.seeds import integer_seed
from tff_health.runtime.signals import InterruptGuard
from tff_health.synthesis.images.generator import ImageGenerator
from tff_health.synthesis.images.synthesizer import FittedImages


class ImageCells:
    """Works on cells of one dataset.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        folder: the run folder.
        listener: told of rows and progress.
        guard: asked between rounds whether the user wants to stop.
        source: of the images.
    """

    def __init__(
        self,
        settings: ImagesSettings,
        name: str,
        folder: Path,
        listener: Listener,
        guard: InterruptGuard,
        source: ImageSource,
    ) -> None:
        self.settings, self.name, self.folder = settings, name, folder
        self.listener, self.guard, self.source = listener, guard, source
        self.task, self.chosen = settings.datasets[name], settings.evaluation_of(name)
        self.only = settings.seeds_of(name) == 1
        self.counts = source.federation.training_images
        self.checkpoints = DatasetCheckpoints(folder, name, settings.fingerprint, listener)
        self.ledger = LedgerTurns(ledger_file(folder, name))

    def labels(self, unit: Unit) -> tuple[str, ...]:
        """What a cell's results stand under: the arm, or one label for each hospital that trains for itself."""
        if unit.arm == REAL:
            return (REAL,)
        found = self.source.parts(self.task.arms[unit.arm])
        return tuple(f"{unit.arm}/{part.name}" if part.name else unit.arm for part in found)

    def run(self, unit: Unit) -> None:
        """Does a cell, or what is missing of it, and hands out its rows."""
        self.guard.check()
        if unit.arm == REAL:
            self._one(unit, REAL, cell_work(self.settings, self.name, REAL), lambda store: self._real(unit.repeat))
            return
        arm = self.task.arms[unit.arm]
        plan = plan_arm(arm, self.counts)
        synthesizer_claim(plan.synthesizer)  # refused now, and not when all is fitted
        found = self.source.parts(arm)
        share = 1 / len(found)
        for part, label in zip(found, self.labels(unit), strict=True):

            def synthesise(store: CheckpointStore, part: Part = part, label: str = label) -> dict[str, Any]:
                return self._synthetic(unit.repeat, label, arm, part, plan, store, share)

            self._one(unit, label, share * cell_work(self.settings, self.name, unit.arm), synthesise)

    def _one(self, unit: Unit, label: str, work: float, compute: Any) -> None:
        document, saved = document_of(self.checkpoints, self.source.digest, unit.repeat, label, compute)
        if saved:
            require_entry(self.ledger, self.name, label, unit.repeat, "seed")
            self.listener.skip(work)
        self._hand_out(Cell(unit.repeat, label, document))

    def finished(self, unit: Unit) -> list[Cell]:
        """The results of a cell that was done."""
        found = []
        for label in self.labels(unit):
            document, _ = document_of(self.checkpoints, self.source.digest, unit.repeat, label, _missing)
            found.append(Cell(unit.repeat, label, document))
        return found

    def _hand_out(self, cell: Cell) -> None:
        place = (self.name, cell.label, cell.repeat + 1)
        self.listener.rows("scores", [(*place, name, value) for name, value in cell.document["metrics"].items()])
        self.listener.rows(
            "training",
            [
                (*place, int(point["round"]), int(point["updates"]), *(point.get(name) for name in TRAINING_VALUES))
                for point in cell.document.get("history", ())
            ],
        )

    def _scoring_seed(self, seed: int) -> int:
        return integer_seed(self.settings.seed, "scoring", self.name, seed)

    def _stage(self, seed: int, text: str) -> None:
        of = f", seed {seed + 1}" if not self.only else ""
        self.listener.stage(f"{self.name}{of}: {text}")

    def _real(self, seed: int) -> dict[str, Any]:
        self._stage(seed, "real images")
        clock = time.perf_counter()
        document = self.source.measure_real(first=seed == 0, only=self.only, seed=self._scoring_seed(seed))
        if seed == 0 and (pictures := self.source.real_pictures()):
            document["pictures"] = keep_pictures(self.folder, self.name, REAL, pictures)
        self._timing(clock, REAL, seed, "measuring")
        self.listener.advance(real_work(self.chosen))
        return document

    def _synthetic(
        self, seed: int, label: str, arm: ImagesArm, part: Part, plan: ArmPlan, store: CheckpointStore, share: float
    ) -> dict[str, Any]:
        self._stage(seed, label)
        clock, learning = time.perf_counter(), None
        if seed == 0:
            place = self.folder / "checkpoints" / safe_name(self.name) / "pictures"
            pictures_seed = integer_seed(self.settings.seed, "pictures", self.name)
            learning = LearningPictures(place.joinpath(*map(safe_name, label_names(label))), pictures_seed)
        costs = CostMeter(self.source.costs, self.listener, self.name, label)
        fitted = self._fit(seed, label, part, plan, store, share * fitting_work(arm), learning, costs)
        seconds = self._timing(clock, label, seed, "fitting")
        clock, steps = time.perf_counter(), measuring_steps(self.chosen, arm.augments)
        scale = share * measuring_work(self.chosen, arm) / max(sum(steps.values()), 1)
        self._stage(seed, f"{label}, measuring")

        def done(step: str) -> None:
            self.guard.check()
            self.listener.advance(scale * steps[step], f"{step} done")

        images = self._sample(fitted.generator, label, seed)
        document = self.source.measure_synthetic(
            part,
            images,
            self._frozen,
            augments=arm.augments,
            only=self.settings.seeds_of(self.name, label.split("/")[0]) == 1,
            seed=self._scoring_seed(seed),
            realism=fitted.realism,
            done=done,
        )
        document |= {
            "kind": plan.synthesizer.kind,
            "seconds": seconds,
            "facts": {**fitted.facts, **costs.means},
            "history": [],
        }
        if learning is not None:
            document["history"] = [
                {name: value for name, value in point.items() if name != PICTURE} for point in fitted.history
            ]
            keep_generator(self.folder, self.name, label, fitted.generator, plan, part, self.source.hiding)
            keep_images(self.folder, self.name, label, self.source.federation.classes, images)
            document["pictures"] = self._pictures(label, part, fitted, images, learning)
        self._timing(clock, label, seed, "measuring")
        return document

    def _fit(
        self,
        seed: int,
        label: str,
        part: Part,
        plan: ArmPlan,
        store: CheckpointStore,
        work: float,
        learning: LearningPictures | None,
        costs: CostMeter,
    ) -> FittedImages:
        told = 0.0

        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            nonlocal told
            costs.step(done)
            self.guard.check()
            due = work * done / max(total, 1)
            self.listener.advance(due - told, f"round {done} of {total}")
            told = due

        def fit() -> FittedImages:
            fitted: FittedImages = plan.synthesizer.fit(
                part.federation,
                seed=integer_seed(self.settings.seed, "images", self.name, label, seed),
                progress=progress,
                checkpoints=store,
                probe=None if learning is None else learning.probe,
            )
            return fitted

        key = ArmKey(self.name, label, seed + 1)
        fitted = fit_entered(fit, plan, part.hospitals, key, self.ledger, store)
        self.listener.advance(work - told)
        return fitted

    def _sample(self, generator: ImageGenerator, label: str, seed: int) -> LabelledImages | np.ndarray:
        """As many images in every arm, whatever its generator was trained on: distances of sets depend on it."""
        count = max(round(self.chosen.images * sum(self.counts.values())), 2)
        drawn = integer_seed(self.settings.seed, "sample", self.name, label, seed)
        return generator.sample(count, seed=drawn) if generator.labelled else generator.unlabelled(count, seed=drawn)

    def _frozen(self) -> Any:
        lock = self.folder / "checkpoints" / safe_name(self.name) / "frozen-classifier.lock"
        seed = integer_seed(self.settings.seed, "frozen classifier", self.name)
        assert isinstance(self.source.federation, ImageFederation)
        return frozen_classifier(self.source.federation, self.checkpoints, self.source.digest, lock, seed)

    def _pictures(
        self,
        label: str,
        part: Part,
        fitted: FittedImages,
        images: LabelledImages | np.ndarray,
        learning: LearningPictures,
    ) -> str:
        seed = integer_seed(self.settings.seed, "pictures", self.name)
        pictures = {"samples": sample_pictures(fitted.generator, SAMPLES, seed)}
        pictures |= learning.taken(fitted.history)
        pictures |= self.source.nearest_pictures(part, images)
        return keep_pictures(self.folder, self.name, label, pictures)

    def _timing(self, clock: float, label: str, seed: int, step: str) -> float:
        seconds = time.perf_counter() - clock
        self.listener.rows("timings", [(self.name, label, seed + 1, step, round(seconds, 3))])
        return seconds


def _missing(store: CheckpointStore) -> dict[str, Any]:
    raise AssertionError("a cell was asked for before it was done")
