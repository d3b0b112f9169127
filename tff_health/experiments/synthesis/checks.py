"""What can be said against an experiment on synthesizers before TensorFlow is imported and a folder is made."""

from __future__ import annotations

from data.errors import DataError, SettingsError
from data.federation import Federation
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.generators.arm_checks import placed
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.synthesis.settings import SynthesisSettings

LEAST_SCORED = 10


def check_synthesis(settings: SynthesisSettings, name: str, federation: Federation | HeldFederation) -> None:
    """Plans every arm with the hospitals that will train.

    Args:
        settings: of the experiment.
        name: the dataset in the settings.
        federation: the hospitals of the first split.

    Raises:
        SettingsError: names the arm: an epsilon out of reach, or more patients asked for than there are.
        DataError: fewer held-out patients than anything could be measured on.
    """
    held_out = sum(size.test for size in federation.sizes.values())
    if held_out < LEAST_SCORED:
        raise DataError(
            f"{name}: {held_out} held-out patients are too few to measure synthetic rows on; hold out at least "
            f"{LEAST_SCORED}, by a larger test_fraction."
        )
    rows = federation.training_rows
    for label, arm in settings.datasets[name].arms.items():
        try:
            plan_arm(arm, rows)
            if arm.patients and arm.patients > sum(rows.values()):
                raise SettingsError(f"patients = {arm.patients}, but there are {sum(rows.values())} training rows.")
        except SettingsError as error:
            raise placed(error, name, label) from None
