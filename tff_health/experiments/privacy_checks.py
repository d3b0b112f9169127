"""What can be said against an experiment's privacy settings before TensorFlow is imported and a folder is made."""

from __future__ import annotations

from data.errors import SettingsError
from data.federation import Federation
from tff_health.analytics.private_preprocessing import needed_release
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.preprocessing_choice import private_preprocessing
from tff_health.experiments.privacy_plan import plan_privacy
from tff_health.experiments.settings import ExperimentSettings
from tff_health.privacy.composition import Event

_MLP_SIZE = 1000  # stands in for the model's parameters, which need Keras to count; it moves discrete noise by little


def check_privacy(settings: ExperimentSettings, name: str, federation: Federation | HeldFederation) -> None:
    """Plans every private arm of a dataset.

    Args:
        settings: of the experiment.
        name: the dataset in the settings.
        federation: its hospitals.

    Raises:
        SettingsError: names the arm: no noise reaches its epsilon, delta is too large for so many patients, a budget
            does not cover a single round, too few hospitals for the mechanism, or preprocessing that the unit cannot
            have.
    """
    task = settings.datasets[name]
    rows = federation.training_rows
    for arm in task.arms:
        candidate = settings.candidates(name, arm)[0]
        if candidate.privacy is None:
            continue
        chosen = task.private_preprocessing
        if chosen.mode == "dp" and candidate.privacy.level == "hospital":
            raise SettingsError(
                f"datasets.{name}.arms.{arm}: hospital-level privacy cannot rest on preprocessing whose noise hides "
                'single patients only; set private_preprocessing mode = "public".'
            )
        if chosen.mode == "dp" and chosen.placement == "shared" and candidate.privacy.noise == "each-hospital":
            raise SettingsError(
                f"datasets.{name}.arms.{arm}: noise that every hospital adds in full trusts no server, but the shared "
                'noise of its preprocessing does; set private_preprocessing placement = "each-hospital".'
            )
        try:
            plan_privacy(candidate, rows, _preprocessing(settings, name, federation), _MLP_SIZE)
        except SettingsError as error:
            raise SettingsError(f"datasets.{name}.arms.{arm}: {error}") from error


def _preprocessing(settings: ExperimentSettings, name: str, federation: Federation | HeldFederation) -> Event | None:
    chosen = private_preprocessing(settings.datasets[name].private_preprocessing, len(federation.training_rows))
    if chosen.release is None or not needed_release(federation.schema, chosen).size:
        return None
    return chosen.release.event()
