"""Canary patients: rows with an input column of their own, planted in hospitals by fair coins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tff_health.privacy.audit.guessing import fair_coins
from tff_health.privacy.audit.result import AuditError

OutCanary = Literal["absent", "vacant"]


@dataclass(frozen=True)
class HospitalRows:
    """One hospital's rows.

    Attributes:
        features: float32 [n, columns].
        labels: float32 [n, 1], 0 or 1.
        present: bool [n]; a row that is False is an empty record, whose gradient the process must count as zero. All
            True unless out canaries are "vacant". None stands for all True.
        declared_rows: the public row count, canaries' places included: whatever the process derives from a row count
            (sampling rate, expected batch, weight) must come from this number, as it must not tell who is in. None
            stands for n.
    """

    features: np.ndarray
    labels: np.ndarray
    present: np.ndarray | None = None
    declared_rows: int | None = None


@dataclass(frozen=True)
class Canaries:
    """Canaries and the places they were given.

    Attributes:
        first_column: input column of canary 0; canary i has column `first_column + i`.
        hospital: whose patient each canary is, [m].
        labels: [m], alternately 1 and 0, so that canaries do not push the bias.
        included: the coins, bool [m].
        value: the non-zero feature.
        silent_columns: columns after the canaries' that are zero for everybody.
    """

    first_column: int
    hospital: np.ndarray
    labels: np.ndarray
    included: np.ndarray
    value: float
    silent_columns: int

    def rows(self, hospitals: Sequence[HospitalRows], out: OutCanary) -> list[HospitalRows]:
        """The hospitals' real rows, widened, followed by their canaries.

        Args:
            hospitals: real rows.
            out: whether a canary that is out is left away or stands as an empty record.
        """
        return [self._widened(index, hospital, out) for index, hospital in enumerate(hospitals)]

    def _widened(self, index: int, hospital: HospitalRows, out: OutCanary) -> HospitalRows:
        extra = len(self.labels) + self.silent_columns
        real = np.pad(np.asarray(hospital.features, np.float32), ((0, 0), (0, extra)))
        mine = np.flatnonzero(self.hospital == index)
        shown = mine if out == "vacant" else mine[self.included[mine]]
        planted = np.zeros((len(shown), real.shape[1]), np.float32)
        is_in = self.included[shown]
        planted[np.flatnonzero(is_in), self.first_column + shown[is_in]] = self.value
        labels = np.where(is_in, self.labels[shown], 0).astype(np.float32).reshape(-1, 1)
        real_present = np.ones(len(real), bool) if hospital.present is None else hospital.present
        return HospitalRows(
            features=np.concatenate([real, planted]),
            labels=np.concatenate([np.asarray(hospital.labels, np.float32).reshape(-1, 1), labels]),
            present=np.concatenate([real_present, is_in]),
            declared_rows=(len(real) if hospital.declared_rows is None else hospital.declared_rows) + len(mine),
        )


def plant_canaries(
    hospitals: Sequence[HospitalRows],
    canaries: int,
    *,
    value: float,
    silent_columns: int = 0,
    rng: np.random.Generator | None = None,
) -> Canaries:
    """Tosses the coins and spreads the canaries over the hospitals in turn.

    Args:
        hospitals: real rows, all with the same number of columns.
        canaries: m, at least 2.
        value: the non-zero feature.
        silent_columns: further columns that stay zero, for `audit_noise_streams`.
        rng: for tests; fresh entropy by default.

    Raises:
        AuditError: no hospital, or hospitals with different columns.
        SettingsError: fewer than two canaries.
    """
    widths = {np.asarray(hospital.features).shape[1:] for hospital in hospitals}
    if len(widths) != 1 or len(next(iter(widths))) != 1:
        raise AuditError(f"hospitals must hold rows [n, columns] of one width; got {sorted(widths)}.")
    order = np.arange(canaries)
    return Canaries(
        first_column=next(iter(widths))[0],
        hospital=order % len(hospitals),
        # Both labels in every hospital.
        labels=(1 - order // len(hospitals) % 2).astype(np.float32),
        included=fair_coins(canaries, rng),
        value=value,
        silent_columns=silent_columns,
    )
