"""A federated DCGAN as a standard TFF learning process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow_federated as tff

from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.learning.dcgan.task import DcganTask
from tff_health.learning.gan.client_work import Weighting
from tff_health.learning.gan.process import build_gan_process

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory


def build_dcgan_process(
    size: int,
    counts: np.ndarray,
    settings: DcganSettings,
    *,
    aggregator: Factory | str = "mean",
    weighting: Weighting = "examples",
    reports: bool = True,
    seed: int,
) -> tff.learning.templates.LearningProcess:
    """A DCGAN trained across hospitals that keep their images.

    Args:
        size: pixels of a side.
        counts: [classes], the federation's count of each class.
        settings: of networks and training.
        aggregator: as for `build_gan_process`.
        weighting: by images or alike.
        reports: as for `build_gan_process`.
        seed: of the initial weights and of all that the server draws.

    Returns:
        A process whose clients' data are `gan.hospital_data.hospital_data` of `labelled_rows.pack`.

    Raises:
        UnknownNameError: no such aggregator or network.
        TypeError: the aggregator is no TFF factory.
        SettingsError: a size that the networks do not have.
    """
    task = DcganTask(size, counts, settings)
    return build_gan_process(
        task, settings.training(), aggregator=aggregator, weighting=weighting, reports=reports, seed=seed
    )
