"""The releases of one fit, made one after the other and never twice."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from data.errors import DataError
from tff_health.runtime.attempts import single_attempt
from tff_health.synthesis.marginals.cell_layout import CellLayout
from tff_health.synthesis.marginals.column_estimate import ColumnEstimate, estimate_column
from tff_health.synthesis.marginals.marginal_query import Block, MarginalQuery, one_way
from tff_health.synthesis.marginals.marginal_release import release_marginals, total_stddev
from tff_health.synthesis.marginals.simplex_code import counts_from_code, simplex_code
from tff_health.synthesis.synthesizer import Progress, ReleaseLostError, latest_of_private

if TYPE_CHECKING:
    from tff_health.analytics.statistics import Matrix
    from tff_health.runtime.checkpoints import CheckpointStore
    from tff_health.synthesis.marginals.settings import MarginalSynthesizer


class Rounds:
    """Asks hospitals for sums with the noise that the settings say.

    Attributes:
        layout: cells of the table.
        rows: all hospitals' number of rows, public.
    """

    def __init__(
        self,
        settings: MarginalSynthesizer,
        layout: CellLayout,
        matrices: Sequence[Matrix],
        progress: Progress | None,
        checkpoints: CheckpointStore | None,
    ) -> None:
        """Sets up; takes over what a stopped fit had released.

        Raises:
            ReleaseLostError: there is noise, and a damaged checkpoint may hide a release.
        """
        self.layout = layout
        self.rows = sum(len(matrix) for matrix in matrices)
        self._settings = settings
        self._matrices = matrices
        self._progress = progress
        self._checkpoints = checkpoints
        self._kept: list[np.ndarray] = []
        self._begun = self._done = 0
        if settings.noise_multiplier is not None:
            saved = latest_of_private(checkpoints)
        else:
            saved = checkpoints.latest() if checkpoints is not None else None
        if saved is not None:
            self._kept = [np.asarray(total, np.float64) for total in saved.payload["totals"]]
            self._begun = int(saved.payload["begun"])

    def release(self, blocks: Sequence[Block]) -> tuple[list[np.ndarray], float]:
        """The next release.

        Args:
            blocks: one or more.

        Returns:
            by block, float64 [entries]; the standard deviation of the noise on each number.

        Raises:
            DataError: a saved release is not of these blocks.
            ReleaseLostError: this release was begun before the fit was stopped, and its result is lost.
        """
        settings, index = self._settings, self._done
        if index >= len(settings.rounds):
            raise AssertionError(f"{settings.kind} asks for more releases than its event accounts for")
        query = MarginalQuery(self.layout, tuple(blocks))
        noise = settings.round_noise(index)
        if index < len(self._kept):
            total = self._kept[index]
            if total.shape != (query.size,):
                raise DataError(
                    f"{settings.kind}: the saved release {index + 1} is another fit's; remove the checkpoints."
                )
        else:
            if index < self._begun and noise is not None:
                raise ReleaseLostError(
                    f"{settings.kind}: the fit was stopped during its release {index + 1}, whose budget is spent, "
                    "and the guarantee holds no second one; remove the checkpoints to start a new fit, and count both."
                )
            self._save(2 * index, begun=index + 1)
            # A second attempt would draw new noise: a second release under the entry of one.
            with single_attempt() if noise is not None else contextlib.nullcontext():
                total = release_marginals(query, self._matrices, noise_multiplier=noise, placement=settings.placement)
            self._kept.append(total)
            self._save(2 * index + 1, begun=index + 1)
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, len(settings.rounds), {})
        return query.split(total), total_stddev(query, noise, settings.placement, len(self._matrices))

    def _save(self, step: int, *, begun: int) -> None:
        if self._checkpoints is not None:
            self._checkpoints.save(step, {"totals": list(self._kept), "begun": begun})

    def columns(self, groups: int, extra: Sequence[Block] = ()) -> tuple[list[ColumnEstimate], list[np.ndarray], float]:
        """One release of all features' one-way marginals.

        Args:
            groups: the most groups of an ordered column, see `estimate_column`.
            extra: further blocks of the same release.

        Returns:
            the features' estimates; the further blocks' numbers; the standard deviation of the noise.
        """
        layout = self.layout
        codes = [simplex_code(layout.values[i]) for i in layout.features]
        blocks = [
            one_way(layout, i, np.arange(len(code)), code) for i, code in zip(layout.features, codes, strict=True)
        ]
        totals, stddev = self.release([*blocks, *extra])
        estimates = [
            estimate_column(layout, i, counts_from_code(code, total, self.rows), stddev=stddev, groups=groups)
            for i, code, total in zip(layout.features, codes, totals, strict=False)
        ]
        return estimates, totals[len(blocks) :], stddev
