"""Rows of mixed columns as points in space, scaled by what an attacker sees."""

from __future__ import annotations

import numpy as np

from data.schema import Schema

# A one-hot vector of this height lies 1 from any other code's.
_ONE = 1 / np.sqrt(2)


class TableFeatures:
    """Numbers in standard deviations, codes and "missing" as one-hot vectors that lie 1 apart.

    Numbers that are missing stand at the mean and have a further entry. Codes are not standardised: a rare code would
    then outweigh everything else.

    Args:
        schema: of the rows.
        seen: rows that the scale is taken from, as `Schema.encode` gives them, [rows, columns]; the attacker's, so
            never the rows that are attacked.
    """

    def __init__(self, schema: Schema, seen: np.ndarray) -> None:
        self._schema = schema
        self._mean = np.zeros(len(schema.columns))
        self._scale = np.ones(len(schema.columns))
        for index, column in enumerate(schema.columns):
            values = seen[:, index][~np.isnan(seen[:, index])]
            if column.is_numeric and len(values):
                deviation = values.std()
                assert column.bounds is not None
                self._mean[index] = values.mean()
                # A column that is constant to the attacker is measured by its public range.
                self._scale[index] = deviation if deviation > 0 else column.bounds[1] - column.bounds[0]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The points, float64 [rows, entries].

        Args:
            rows: as `Schema.encode` gives them, [rows, columns].
        """
        entries: list[np.ndarray] = []
        for index, column in enumerate(self._schema.columns):
            values = rows[:, index]
            missing = np.isnan(values)
            if column.is_numeric:
                entries.append(np.where(missing, 0.0, (values - self._mean[index]) / self._scale[index]))
            else:
                entries.extend(_ONE * (values == position) for position in range(len(column.codes)))
            entries.append(_ONE * missing)
        return np.stack(entries, axis=1)
