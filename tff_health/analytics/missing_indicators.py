"""Which features get a 0/1 column that marks missing cells, where no patient may decide it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data.schema import Schema

MissingIndicators = bool | Literal["schema"] | Sequence[str]
"""`True`: features with a missing cell in training. `"schema"`: features whose schema has codes for "not recorded".
Names: these features. `False`: none. Only `True` looks at patients."""


def public_indicators(schema: Schema, setting: MissingIndicators) -> tuple[str, ...]:
    """Names of the marked features, in the schema's order.

    Whether a cell of a column is missing in any hospital is a statistic of patients, so it cannot decide here: the
    schema does, or the user from public knowledge of how the data are collected.

    Raises:
        ValueError: the setting is `True`, or names what is no feature.
    """
    if setting is True:
        raise ValueError(
            "which features have missing cells is a statistic of patients: name the features in missing_indicators, or "
            "give 'schema' for those whose schema has missing_codes"
        )
    if setting is False:
        return ()
    if setting == "schema":
        return tuple(column.name for column in schema.features if column.missing_codes)
    chosen = (setting,) if isinstance(setting, str) else tuple(setting)
    features = [column.name for column in schema.features]
    for name in chosen:
        if name not in features:
            raise ValueError(f"missing_indicators: {name!r} is no feature; features are {', '.join(features)}")
    return tuple(name for name in features if name in chosen)
