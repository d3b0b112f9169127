"""A synthesizer from its name and its options. Setting one up imports no TensorFlow; fitting does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.errors import SettingsError, UnknownNameError, WrongKindError, clip, nearest_name
from data.named import load_named
from tff_health.synthesis.catalogue import SYNTHESIZERS, check_synthesizer_name
from tff_health.synthesis.synthesizer import Synthesizer


def build_synthesizer(name: str, options: Mapping[str, Any]) -> Synthesizer:
    """A synthesizer with its settings, checked.

    Args:
        name: of `SYNTHESIZERS`, or module:class of a user's own frozen dataclass.
        options: its fields.

    Raises:
        UnknownNameError: no such synthesizer or field; the nearest name is suggested.
        SettingsError: a value that it does not accept.
        WrongKindError: what `module:class` names is no `Synthesizer`.
    """
    check_synthesizer_name(name)
    cls = load_named("synthesizer", SYNTHESIZERS[name][0] if name in SYNTHESIZERS else name)
    if not (isinstance(cls, type) and issubclass(cls, Synthesizer)):
        raise WrongKindError(f"synthesizer {name!r} is no class derived from tff_health.synthesis.Synthesizer.")
    known = list(getattr(cls, "__dataclass_fields__", {}))
    for option in options:
        if option not in known:
            near = nearest_name(option, known)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}."
            raise UnknownNameError(f"synthesizer {name}: unknown option {clip(repr(option))}: {hint}")
    try:
        built: Synthesizer = TypeAdapter(cls).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        given = f", not {clip(repr(first['input']))}" if not isinstance(first["input"], dict) else ""
        raise SettingsError(
            f"synthesizer {name}: {where}: {first['msg'].removeprefix('Value error, ')}{given}."
        ) from None
    return built
