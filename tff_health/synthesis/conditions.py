"""What a user asks of sampled rows, checked: `{"sex": "female", "condition": 1}`."""

from __future__ import annotations

from collections.abc import Mapping

from data.errors import SettingsError, nearest_name
from data.schema import Schema


def resolve_conditions(schema: Schema, conditions: Mapping[str, int | str] | None) -> dict[str, int]:
    """Positions in the codebooks for codes or labels.

    Args:
        schema: of the table.
        conditions: by name of a binary or categorical column, one of its codes or of its labels.

    Returns:
        By column, the position of the code in the codebook.

    Raises:
        SettingsError: no such column, a numeric column, or a value that the codebook does not hold.
    """
    resolved: dict[str, int] = {}
    for name, value in (conditions or {}).items():
        if name not in schema.names:
            near = nearest_name(name, schema.names)
            hint = f"did you mean {near!r}?" if near else f"columns are {', '.join(schema.names)}."
            raise SettingsError(f"condition {name!r}: the table has no such column; {hint}")
        column = schema[name]
        if column.is_numeric:
            coded = [c.name for c in schema.columns if not c.is_numeric]
            raise SettingsError(
                f"condition {name!r}: rows can be conditioned on coded columns only ({', '.join(coded)}); it is "
                f"{column.kind}."
            )
        codes = [str(code) for code in column.codes]
        labels = [label.casefold() for label in column.codebook.values()]
        text = str(value).strip()
        if text in codes:
            resolved[name] = codes.index(text)
        elif labels.count(text.casefold()) == 1:
            resolved[name] = labels.index(text.casefold())
        else:
            known = ", ".join(f"{code} = {label}" for code, label in column.codebook.items())
            raise SettingsError(f"condition {name!r}: {value!r} is not in the codebook ({known}).")
    return resolved
