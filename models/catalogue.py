"""Models by name. Looking a name up imports nothing heavy; building one imports TensorFlow."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from data.errors import UnknownNameError

MODELS: dict[str, tuple[str, str]] = {
    "mlp": ("models.classifier:mlp", "one hidden layer of 64 ReLU units, the paper's network"),
    "logistic-regression": ("models.classifier:logistic_regression", "logistic regression, started at zero"),
}


def check_model_name(name: str) -> None:
    """Raises `UnknownNameError` with the nearest name unless `name` can be looked up; imports nothing heavy."""
    if name not in MODELS and ":" not in name:
        raise UnknownNameError.among("model", name, MODELS)


def load_model_function(name: str) -> Callable[..., Any]:
    """The function behind a name of `MODELS`, or behind `module:function`.

    Raises:
        UnknownNameError: no such name, module or function.
    """
    check_model_name(name)
    module, function = (MODELS[name][0] if name in MODELS else name).split(":", 1)
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(
            f"model {name!r} cannot be loaded ({error}); name a function that returns a Keras model as "
            "module:function, with the module on the Python path or in the working folder."
        ) from error
