"""Nested states as JSON plus arrays, and back into a state of the same kind. Without pickle, without TFF.

A *state* is made of dicts with string keys, lists, tuples, named tuples (TFF's `LearningAlgorithmState`),
attrs classes, dataclasses and TFF's `Struct`; its leaves are NumPy arrays and scalars, eager tensors,
Python numbers, strings, bytes and None. `describe` takes it apart. `rebuild` yields plain containers, in
which named tuples, attrs, dataclasses and `Struct`s have become dicts. `restore` pours those into a
template of the original kind.
"""

from __future__ import annotations

import base64
import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_ARRAY_KINDS = "biufcSU"


class StructureError(ValueError):
    """A state that cannot be stored, or one that does not fit its template; names the place."""


def describe(state: Any) -> tuple[Any, list[np.ndarray]]:
    """Takes a state apart.

    Returns:
        a description that JSON can hold, and the arrays it refers to by position.

    Raises:
        StructureError: a container or a leaf of an unknown kind.
    """
    arrays: list[np.ndarray] = []
    return _describe(state, "state", arrays), arrays


def rebuild(description: Any, arrays: Sequence[np.ndarray]) -> Any:
    """Plain containers from what `describe` returned: dict, list, tuple, arrays, scalars."""
    kind, content = description
    if kind in ("dict", "record"):
        return {key: rebuild(node, arrays) for key, node in content}
    if kind in ("list", "tuple"):
        items = [rebuild(node, arrays) for node in content]
        return items if kind == "list" else tuple(items)
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "objects":
        shape, items = content
        cells = np.empty(len(items), object)
        cells[:] = [rebuild(item, arrays) for item in items]
        return cells.reshape(shape)
    if kind == "float":
        return float.fromhex(content)
    if kind == "bytes":
        return base64.b64decode(content)
    return content  # None, bool, int, str


def restore(template: Any, plain: Any) -> Any:
    """A state of the template's kind with the plain state's values.

    Args:
        template: a state of the same structure, such as what `process.initialize()` returns.
        plain: what `rebuild` returned.

    Raises:
        StructureError: another structure, shape or dtype; says where.
    """
    return _restore(template, plain, "state")


def _describe(node: Any, place: str, arrays: list[np.ndarray]) -> Any:
    if node is None or isinstance(node, (bool, str)) or type(node) is int:
        return ["plain", node]
    if type(node) is float:
        return ["float", node.hex()]
    if type(node) is bytes:
        return ["bytes", base64.b64encode(node).decode("ascii")]
    fields = _fields(node)
    if fields is not None:
        return ["record", [[name, _describe(v, f"{place}.{name}", arrays)] for name, v in fields]]
    if isinstance(node, Mapping):
        if not all(isinstance(key, str) for key in node):
            raise StructureError(f"{place}: only strings can be keys of a dict in a checkpoint")
        return ["dict", [[key, _describe(v, f"{place}[{key!r}]", arrays)] for key, v in node.items()]]
    if isinstance(node, (list, tuple)):
        kind = "list" if isinstance(node, list) else "tuple"
        return [kind, [_describe(v, f"{place}[{i}]", arrays) for i, v in enumerate(node)]]
    array = _as_array(node, place)
    if array.dtype == object:
        items = array.ravel().tolist()
        if not all(isinstance(item, (str, bytes)) for item in items):
            raise StructureError(f"{place}: object arrays may hold only strings or bytes")
        return ["objects", [list(array.shape), [_describe(item, place, arrays) for item in items]]]
    arrays.append(array)
    return ["scalar" if isinstance(node, np.generic) else "array", len(arrays) - 1]


def _as_array(node: Any, place: str) -> np.ndarray:
    if not isinstance(node, (np.ndarray, np.generic)) and not hasattr(node, "__array__"):
        raise StructureError(f"{place}: a {type(node).__name__} cannot be kept in a checkpoint")
    array = np.asarray(node)
    if array.dtype != object and array.dtype.kind not in _ARRAY_KINDS:
        raise StructureError(f"{place}: arrays of {array.dtype} cannot be kept in a checkpoint")
    return array


def _fields(node: Any) -> list[tuple[str, Any]] | None:
    """Names and values of a record, or None for anything else."""
    cls = type(node)
    if isinstance(node, tuple) and hasattr(cls, "_fields"):
        return list(zip(cls._fields, node, strict=True))
    if dataclasses.is_dataclass(cls):
        return [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
    if hasattr(cls, "__attrs_attrs__"):
        return [(field.name, getattr(node, field.name)) for field in cls.__attrs_attrs__]
    if _is_struct(cls):
        return [(name or f"[{i}]", value) for i, (name, value) in enumerate(_struct_elements(node))]
    return None


def _is_struct(cls: type) -> bool:
    return cls.__name__ == "Struct" and cls.__module__.startswith("tensorflow_federated")


def _struct_elements(node: Any) -> list[tuple[str | None, Any]]:
    import tensorflow_federated as tff  # only where a Struct, and so TFF, is already there

    return list(tff.structure.iter_elements(node))


def _restore(template: Any, plain: Any, place: str) -> Any:
    fields = _fields(template)
    if fields is not None or isinstance(template, Mapping):
        pairs = fields if fields is not None else list(template.items())
        names = [name for name, _ in pairs]
        if not isinstance(plain, dict) or sorted(plain) != sorted(names):
            raise StructureError(f"{place} should have the fields {names}, not {_outline(plain)}")
        mark = ".{}" if fields is not None else "[{!r}]"
        values = {name: _restore(child, plain[name], place + mark.format(name)) for name, child in pairs}
        return _same_kind(template, values)
    if isinstance(template, (list, tuple)):
        if not isinstance(plain, (list, tuple)) or len(plain) != len(template):
            raise StructureError(f"{place} should have {len(template)} items, not {_outline(plain)}")
        items = [_restore(t, p, f"{place}[{i}]") for i, (t, p) in enumerate(zip(template, plain, strict=True))]
        return items if isinstance(template, list) else tuple(items)
    if template is None or isinstance(template, (bool, int, float, str, bytes)):
        if type(plain) is not type(template):
            raise StructureError(f"{place} should be a {type(template).__name__}, not {_outline(plain)}")
        return plain
    wanted, found = _as_array(template, place), np.asarray(plain)
    strings = wanted.dtype.kind in "OSU" and found.dtype.kind in "OSU"
    if found.shape != wanted.shape or not (strings or found.dtype == wanted.dtype):
        raise StructureError(
            f"{place} should be {wanted.dtype} of shape {list(wanted.shape)}, not {found.dtype} of {list(found.shape)}"
        )
    return found[()] if isinstance(template, np.generic) else found


def _same_kind(template: Any, values: dict[str, Any]) -> Any:
    cls = type(template)
    if isinstance(template, Mapping):
        if isinstance(template, types.MappingProxyType):
            return types.MappingProxyType(values)
        return cls(values)
    if isinstance(template, tuple):
        return cls(*values.values())
    if dataclasses.is_dataclass(cls):
        return dataclasses.replace(template, **values)
    if hasattr(cls, "__attrs_attrs__"):
        import attrs

        return attrs.evolve(template, **{_attrs_argument(cls, name): value for name, value in values.items()})
    names = [name for name, _ in _struct_elements(template)]
    return cls(list(zip(names, values.values(), strict=True)))


def _attrs_argument(cls: Any, name: str) -> str:
    return next(field.alias or name for field in cls.__attrs_attrs__ if field.name == name)


def _outline(plain: Any) -> str:
    if isinstance(plain, dict):
        return f"the fields {list(plain)}"
    if isinstance(plain, (list, tuple)):
        return f"{len(plain)} items"
    return f"a {type(plain).__name__}"
