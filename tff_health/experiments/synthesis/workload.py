"""How much an experiment on synthesizers is, for the progress bar: one unit is about a second on two cores."""

from __future__ import annotations

from tff_health.experiments.synthesis.settings import SynthesisArm, SynthesisSettings

EVALUATING = 6.0
ANONYMETER = 15.0
AUGMENTING = 6.0
_ONE_ROUND = 2.0
_UPDATES_A_UNIT = 60.0


def fitting_work(arm: SynthesisArm) -> float:
    """Fitting an arm's synthesizer once."""
    updates = arm.options.get("updates", 2000) if arm.method == "ctgan" else 0
    return _ONE_ROUND + float(updates) / _UPDATES_A_UNIT


def evaluating_work(settings: SynthesisSettings, dataset: str, split: int) -> float:
    """Measuring one synthetic table."""
    chosen = settings.evaluation_of(dataset)
    work = EVALUATING
    work += ANONYMETER if chosen.anonymeter and split == 0 else 0.0
    work += AUGMENTING if chosen.augmentation else 0.0
    return work


def synthesis_work(settings: SynthesisSettings, dataset: str) -> float:
    """Everything `run_synthesis` will count as work."""
    work = 0.0
    for split in range(settings.splits_of(dataset)):
        work += EVALUATING
        for label, arm in settings.datasets[dataset].arms.items():
            if split < settings.splits_of(dataset, label):
                work += fitting_work(arm) + evaluating_work(settings, dataset, split)
    return work
