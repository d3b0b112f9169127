"""Users' own parts by name: `module:function`."""

from __future__ import annotations

import importlib
import re
from typing import Any

from data.errors import SettingsError, UnknownNameError, clip

NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""`module:function`, as users name parts of their own."""


def load_named(what: str, target: str) -> Any:
    """What `module:function` names, imported; also from the Python path's last entries, where users' folders stand.

    Args:
        what: what the name should be, as in "aggregator".
        target: as the user wrote it.

    Raises:
        UnknownNameError: the text has another form, or there is no such module or function.
        SettingsError: importing the module fails.
    """
    if not NAMED.fullmatch(target):
        raise UnknownNameError(f"{what} {clip(repr(target))} is neither a known name nor of the form module:function.")
    module_name, name = target.split(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise UnknownNameError(
            f"{what} {clip(repr(target))} cannot be loaded ({error}); the module must lie in the working folder or "
            "on the Python path."
        ) from error
    except Exception as error:
        raise SettingsError(
            f"{what} {clip(repr(target))}: importing its module failed ({type(error).__name__}: "
            f"{clip(str(error), 200)})."
        ) from error
