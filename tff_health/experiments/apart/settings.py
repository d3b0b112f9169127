"""What of an experiment can run where the coordinator holds no row. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence

from data.errors import SettingsError
from tff_health.experiments.base_settings import ExperimentBase
from tff_health.experiments.settings import FEDERATED_METHODS, ExperimentSettings


def apart_settings(settings: ExperimentBase) -> tuple[ExperimentSettings, list[str]]:
    """Leaves out what needs patients' rows in one place.

    Returns:
        The settings of what will run, and one sentence for each thing left out.

    Raises:
        SettingsError: it is another kind of experiment, or nothing is left.
    """
    if not isinstance(settings, ExperimentSettings):
        raise SettingsError(
            f"{settings.experiment} is no classification, and only these run on hospitals that are apart so far."
        )
    sentences, kept = [], {}
    for name, task in settings.datasets.items():
        arms = {arm: own for arm, own in task.arms.items() if _is_federated(own.method)}
        left_out = [arm for arm in task.arms if arm not in arms]
        if left_out:
            sentences.append(f"{name}: {', '.join(left_out)} left out: the rows they need never leave the hospitals.")
        if arms:
            kept[name] = task.model_copy(update={"arms": arms})
    if settings.attacks.membership or settings.attacks.audit:
        sentences.append("Attacks and audits are left out: they need patients' rows.")
    if not kept:
        raise SettingsError(f"{settings.experiment} has no federated arm, and no other runs on hospitals apart.")
    attacks = settings.attacks.model_copy(update={"membership": False, "audit": False})
    return settings.model_copy(update={"datasets": kept, "attacks": attacks}), sentences


def _is_federated(method: str | Sequence[str]) -> bool:
    return all(one in FEDERATED_METHODS for one in ([method] if isinstance(method, str) else method))
