"""A table's fitted encoding: rows as `Schema.encode` has them to what a neural generator sees, and back. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from data.encoded_layout import EncodedLayout, Segment
from data.errors import DataError
from tff_health.analytics.table_codec.coded_column import CodedColumn
from tff_health.analytics.table_codec.numeric_column import NumericColumn

_FORMAT = 1


@dataclass(frozen=True)
class TableCodec:
    """An immutable encoding, made by `fit_codec`, `fit_private_codec` or `from_dict`; holds no patient's row.

    Attributes:
        columns: one a column of the table, in its order.
    """

    columns: tuple[NumericColumn | CodedColumn, ...]

    @cached_property
    def layout(self) -> EncodedLayout:
        """What stands where in an encoded row."""
        segments: list[Segment] = []
        start = 0
        for column in self.columns:
            if isinstance(column, NumericColumn):
                offset, modes = column.sizes
                segments.append(Segment(column.name, start, offset, "tanh"))
                segments.append(Segment(column.name, start + offset, modes, "softmax"))
            else:
                segments.append(Segment(column.name, start, column.size, "softmax", condition=True))
            start = segments[-1].stop
        return EncodedLayout(tuple(segments))

    def encode(self, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Encodes rows; the modes of numeric values are drawn.

        Args:
            matrix: float64 [rows, columns] as `Schema.encode` gives it, NaN for missing.
            rng: draws the modes, and what is missing in a column that had nothing missing when the codec was fitted.

        Returns:
            float32 [rows, layout.width].

        Raises:
            DataError: the matrix has other columns than the codec.
        """
        matrix = np.asarray(matrix, np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.columns):
            raise DataError(
                f"Rows of shape {matrix.shape} cannot be encoded: the codec has {len(self.columns)} columns; encode "
                "them with the Schema.encode of the schema that it was fitted for."
            )
        parts = [column.encode(values, rng) for column, values in zip(self.columns, matrix.T, strict=True)]
        return np.concatenate(parts, axis=1)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Decodes rows; whatever numbers stand in them, the result is valid for the schema.

        Args:
            encoded: float [rows, layout.width]: offsets in [-1, 1], and one-hot vectors or probabilities, of which the
                largest entry counts.

        Returns:
            float64 [rows, columns] as `Schema.decode` takes it, NaN for missing.

        Raises:
            DataError: the rows have another width than the layout, or hold something that is no number.
        """
        encoded = np.asarray(encoded)
        if encoded.ndim != 2 or encoded.shape[1] != self.layout.width:
            raise DataError(f"Encoded rows of shape {encoded.shape} do not fit this codec's width {self.layout.width}.")
        if np.isnan(encoded).any():
            raise DataError("Encoded rows hold NaN: the generator that made them has diverged; train it again.")
        decoded = np.empty((len(encoded), len(self.columns)))
        start = 0
        for index, column in enumerate(self.columns):
            width = sum(column.sizes) if isinstance(column, NumericColumn) else column.size
            decoded[:, index] = column.decode(encoded[:, start : start + width])
            start += width
        return decoded

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; `from_dict` gives an equal codec back."""
        columns = []
        for column in self.columns:
            kind = "numeric" if isinstance(column, NumericColumn) else "coded"
            fields = {
                name: list(value) if isinstance(value, tuple) else value for name, value in asdict(column).items()
            }
            columns.append({"kind": kind, **fields})
        return {"format": _FORMAT, "columns": columns}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TableCodec:
        """The codec that `to_dict` wrote.

        Raises:
            DataError: the document is of another format or does not describe a codec.
        """
        if document.get("format") != _FORMAT:
            raise DataError(f"The table's encoding has format {document.get('format')!r}, but {_FORMAT} is known.")
        kinds: dict[str, Callable[..., NumericColumn | CodedColumn]] = {"numeric": NumericColumn, "coded": CodedColumn}
        columns = []
        try:
            for entry in document["columns"]:
                fields: dict[str, Any] = {
                    name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()
                }
                columns.append(kinds[fields.pop("kind")](**fields))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"The table's encoding is damaged ({error}): fit and save it again.") from error
        return cls(tuple(columns))
