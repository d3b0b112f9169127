"""A federated CTGAN as a standard TFF learning process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow_federated as tff

from data.encoded_layout import EncodedLayout
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.ctgan.task import CtganTask
from tff_health.learning.gan.client_work import Weighting
from tff_health.learning.gan.process import build_gan_process

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory


def build_ctgan_process(
    layout: EncodedLayout,
    counts: Mapping[str, np.ndarray],
    settings: CtganSettings,
    *,
    aggregator: Factory | str = "mean",
    weighting: Weighting = "examples",
    seed: int,
) -> tff.learning.templates.LearningProcess:
    """A CTGAN trained across hospitals that keep their rows.

    Args:
        layout: of the encoded rows.
        counts: by column that rows can be conditioned on, the federation's count of each category [segment size].
        settings: of networks and training.
        aggregator: as for `build_gan_process`.
        weighting: by rows or alike.
        seed: of the initial weights and of all that the server draws.

    Returns:
        A process whose clients' data are `gan.hospital_data.hospital_data` of encoded rows float32 [rows, width].

    Raises:
        UnknownNameError: no such aggregator or network.
        TypeError: the aggregator is no TFF factory.
        ValueError: counts that do not fit the layout.
    """
    task = CtganTask(layout, counts, settings)
    return build_gan_process(task, settings.training(), aggregator=aggregator, weighting=weighting, seed=seed)
