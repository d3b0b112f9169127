"""A synthesizer from its name and its options. Setting one up imports no TensorFlow; fitting does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from data.errors import SettingsError, UnknownNameError, WrongKindError, clip, nearest_name
from data.named import NAMED, load_named
from tff_health.synthesis.catalogue import SYNTHESIZERS
from tff_health.synthesis.images.catalogue import IMAGE_SYNTHESIZERS
from tff_health.synthesis.images.synthesizer import ImageSynthesizer
from tff_health.synthesis.synthesizer import Synthesizer

Base = TypeVar("Base")


def build_synthesizer(name: str, options: Mapping[str, Any]) -> Synthesizer:
    """A synthesizer of patients with its settings, checked.

    Args:
        name: of `SYNTHESIZERS`, or module:class of a user's own frozen dataclass.
        options: its fields.

    Raises:
        UnknownNameError: no such synthesizer or field; the nearest name is suggested.
        SettingsError: a value that it does not accept.
        WrongKindError: what `module:class` names is no `Synthesizer`.
    """
    return _built("synthesizer", name, options, SYNTHESIZERS, Synthesizer)  # type: ignore[type-abstract]


def build_image_synthesizer(name: str, options: Mapping[str, Any]) -> ImageSynthesizer:
    """A synthesizer of images with its settings, checked.

    Args:
        name: of `IMAGE_SYNTHESIZERS`, or module:class of a user's own frozen dataclass.
        options: its fields.

    Raises:
        UnknownNameError: no such synthesizer or field; the nearest name is suggested.
        SettingsError: a value that it does not accept.
        WrongKindError: what `module:class` names is no `ImageSynthesizer`.
    """
    return _built("image synthesizer", name, options, IMAGE_SYNTHESIZERS, ImageSynthesizer)  # type: ignore[type-abstract]


def synthesizer_class(name: str) -> type[Synthesizer]:
    """The class of a synthesizer of patients; arguments and errors as in `build_synthesizer`."""
    return _class("synthesizer", name, SYNTHESIZERS, Synthesizer)  # type: ignore[type-abstract]


def image_synthesizer_class(name: str) -> type[ImageSynthesizer]:
    """The class of a synthesizer of images; arguments and errors as in `build_image_synthesizer`."""
    return _class("image synthesizer", name, IMAGE_SYNTHESIZERS, ImageSynthesizer)  # type: ignore[type-abstract]


def _class(what: str, name: str, known: Mapping[str, tuple[str, str]], base: type[Base]) -> type[Base]:
    if name not in known and not NAMED.fullmatch(name):
        raise UnknownNameError.among(what, name, known)
    cls = load_named(what, known[name][0] if name in known else name)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise WrongKindError(f"{what} {name!r} is no class derived from {base.__module__}.{base.__name__}.")
    return cls


def _built(
    what: str, name: str, options: Mapping[str, Any], known: Mapping[str, tuple[str, str]], base: type[Base]
) -> Base:
    cls = _class(what, name, known, base)
    _check_names(f"{what} {name}", options, cls)
    try:
        built = TypeAdapter(cls).validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        given = f", not {clip(repr(first['input']))}" if not isinstance(first["input"], dict) else ""
        raise SettingsError(f"{what} {name}: {where}: {first['msg'].removeprefix('Value error, ')}{given}.") from None
    for option, value in options.items():
        group = getattr(built, option)
        if isinstance(value, Mapping) and dataclasses.is_dataclass(group):
            _check_names(f"{what} {name}: {option}", value, type(group))
    return built


def _check_names(where: str, options: Mapping[str, Any], cls: type) -> None:
    """Raises where an option is no field; pydantic would pass over it."""
    fields = list(getattr(cls, "__dataclass_fields__", {}))
    for option in options:
        if option not in fields:
            near = nearest_name(option, fields)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(fields)}."
            raise UnknownNameError(f"{where}: unknown option {clip(repr(option))}: {hint}")
