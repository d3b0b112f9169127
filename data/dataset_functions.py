"""A dataset's function by "module:function", imported from the project or from the user's working folder."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from data.errors import SettingsError, TffHealthError, UnknownNameError, clip
from data.named import NAMED


def import_dataset_function(target: str) -> Callable[..., Any]:
    """The function that "module:function" names; the working folder is looked in last.

    Raises:
        UnknownNameError: the text has another form, or no module or function has that name.
        SettingsError: the module cannot be imported, or the name in it is no function.
    """
    if not NAMED.fullmatch(target):
        raise UnknownNameError(f"{clip(repr(target))} is not of the form module:function.")
    module_name, function_name = target.split(":")
    # Last, so that a user's folder never hides an installed module.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except TffHealthError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UnknownNameError(
                f"there is no module {clip(repr(error.name))} for the dataset {clip(repr(target))}; run from "
                "the folder that holds it, or install it."
            ) from error
        raise SettingsError(f"the module {module_name} needs {error.name}, which is not installed.") from error
    except Exception as error:
        raise SettingsError(
            f"the module {module_name} cannot be imported ({type(error).__name__}: {clip(str(error), 200)}); "
            "correct it."
        ) from error
    function = getattr(module, function_name, None)
    if function is None:
        raise UnknownNameError.among(
            f"function of {module_name}",
            function_name,
            [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")],
        )
    if not callable(function):
        raise SettingsError(
            f"{target} is no function; a dataset is (settings, *, data_dir, seed) -> Federation or ImageFederation."
        )
    return function
