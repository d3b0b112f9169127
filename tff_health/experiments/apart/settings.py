"""What of an experiment can run where the coordinator holds no row. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data.errors import SettingsError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.images.settings import ImageEvaluationSettings, ImagesArm, ImagesSettings
from tff_health.experiments.settings import FEDERATED_METHODS, ExperimentSettings
from tff_health.experiments.synthesis.settings import EvaluationSettings, SynthesisArm, SynthesisSettings


def apart_settings(settings: ExperimentBase) -> tuple[ExperimentBase, list[str]]:
    """Leaves out what needs patients' rows in one place.

    Returns:
        The settings of what will run, and one sentence for each thing left out.

    Raises:
        SettingsError: nothing is left.
    """
    if isinstance(settings, SynthesisSettings):
        return _synthesis(settings)
    if isinstance(settings, ImagesSettings):
        return _images(settings)
    assert isinstance(settings, ExperimentSettings)
    return _classification(settings)


def _classification(settings: ExperimentSettings) -> tuple[ExperimentBase, list[str]]:
    kept, sentences = _kept(settings, settings.datasets, lambda arm: _is_federated(arm.method))
    if settings.attacks.membership or settings.attacks.audit:
        sentences.append("Attacks and audits are left out: they need patients' rows.")
    attacks = settings.attacks.model_copy(update={"membership": False, "audit": False})
    return settings.model_copy(update={"datasets": kept, "attacks": attacks}), sentences


def _synthesis(settings: SynthesisSettings) -> tuple[ExperimentBase, list[str]]:
    kept, sentences = _kept(settings, settings.datasets, _is_fitted_apart)
    asked = {name: settings.evaluation_of(name) for name in kept}
    for name, task in kept.items():
        arms = {label: arm.model_copy(update={"splits": None}) for label, arm in task.arms.items()}
        update = {"arms": arms, "splits": 1, "evaluation": _by_sums(asked[name])}
        kept[name] = task.model_copy(update=update)
    if any(own != _by_sums(own) for own in asked.values()):
        sentences.append(
            "Attacks, disclosure measures and classifiers on real and synthetic rows together are left out: they need "
            "patients' rows."
        )
    if any(settings.splits_of(name) > 1 for name in kept):
        sentences.append("One split is run: hospitals have divided their patients themselves.")
    return settings.model_copy(update={"datasets": kept}), sentences


def _images(settings: ImagesSettings) -> tuple[ExperimentBase, list[str]]:
    kept, sentences = _kept(settings, settings.datasets, _is_fitted_apart)
    asked = {name: settings.evaluation_of(name) for name in kept}
    kept = {name: task.model_copy(update={"evaluation": _utility_alone(asked[name])}) for name, task in kept.items()}
    if any(own != _utility_alone(own) for own in asked.values()):
        sentences.append(
            "Distances, diversity, memorisation, attacks and classifiers on real images are left out: they need images."
        )
    return settings.model_copy(update={"datasets": kept}), sentences


def _kept(
    settings: ExperimentBase, datasets: Mapping[str, Any], runs_apart: Callable[[Any], bool]
) -> tuple[dict[str, Any], list[str]]:
    """The datasets with the arms that run apart, and a sentence for each that has others."""
    kept, sentences = {}, []
    for name, task in datasets.items():
        arms = {label: arm for label, arm in task.arms.items() if runs_apart(arm)}
        left_out = [label for label in task.arms if label not in arms]
        if left_out:
            sentences.append(f"{name}: {', '.join(left_out)} left out: the rows they need never leave the hospitals.")
        if arms:
            kept[name] = task.model_copy(update={"arms": arms})
    if not kept:
        raise SettingsError(f"{settings.experiment} has no federated arm, and no other runs on hospitals apart.")
    return kept, sentences


def _is_federated(method: str | Sequence[str]) -> bool:
    return all(one in FEDERATED_METHODS for one in ([method] if isinstance(method, str) else method))


def _is_fitted_apart(arm: SynthesisArm | ImagesArm) -> bool:
    few = arm.patients if isinstance(arm, SynthesisArm) else arm.images
    return arm.data == "federation" and not few and arm.build().fits_apart


def _utility_alone(evaluation: ImageEvaluationSettings) -> ImageEvaluationSettings:
    """What is left where no image is at hand."""
    nothing = ("augmentation", "low_data", "fd_clf", "coverage", "diversity", "memorisation", "membership")
    return evaluation.model_copy(update=dict.fromkeys(nothing, False))


def _by_sums(evaluation: EvaluationSettings) -> EvaluationSettings:
    """What can be measured by sums over hospitals."""
    return evaluation.model_copy(
        update={"disclosure": False, "membership": False, "anonymeter": False, "augmentation": False}
    )
