"""How much an experiment on synthesizers is, for the progress bar: one unit is about a second on two cores."""

from __future__ import annotations

from tff_health.experiments.synthesis.settings import SynthesisArm, SynthesisSettings

EVALUATING = 2.5
ANONYMETER = 3.0
AUGMENTING = 2.0
_MARGINALS = 1.0
_CTGAN = 6.0
_PRIVATE_CTGAN = 10.0
_UPDATES_A_UNIT = 80.0
_HOSPITALS = 3.0  # that train alone, before their number is known


def fitting_work(arm: SynthesisArm) -> float:
    """Fitting an arm's synthesizer once."""
    if arm.method == "ctgan":
        alone = _HOSPITALS if arm.data == "each-hospital" else 1.0
        return alone * (_CTGAN + float(arm.options.get("updates", 2000)) / _UPDATES_A_UNIT)
    return _PRIVATE_CTGAN if arm.method == "dp-ctgan" else _MARGINALS


def evaluating_work(settings: SynthesisSettings, dataset: str, arm: SynthesisArm, split: int) -> float:
    """Measuring one synthetic table of an arm."""
    chosen = settings.evaluation_of(dataset)
    work = EVALUATING
    work += ANONYMETER if chosen.anonymeter and split == 0 else 0.0
    work += AUGMENTING if chosen.augmentation and arm.augments else 0.0
    return work * (_HOSPITALS if arm.data == "each-hospital" else 1.0)


def synthesis_work(settings: SynthesisSettings, dataset: str) -> float:
    """Everything `run_synthesis` will count as work."""
    work = 0.0
    for split in range(settings.splits_of(dataset)):
        work += EVALUATING
        for label, arm in settings.datasets[dataset].arms.items():
            if split < settings.splits_of(dataset, label):
                work += fitting_work(arm) + evaluating_work(settings, dataset, arm, split)
    return work
