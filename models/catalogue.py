"""Models by name. Looking a name up imports nothing heavy; building one imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data.errors import UnknownNameError
from data.named import NAMED, load_named

MODELS: dict[str, tuple[str, str]] = {
    "mlp": ("models.classifier:mlp", "one hidden layer of 64 ReLU units, the paper's network"),
    "logistic-regression": ("models.classifier:logistic_regression", "logistic regression, started at zero"),
    "small-cnn": ("models.classifier:small_cnn", "two convolutions of stride 2 for small images"),
}


def check_model_name(name: str) -> None:
    """Raises `UnknownNameError` with the nearest name unless `name` can be looked up; imports nothing heavy."""
    if name not in MODELS and not NAMED.fullmatch(name):
        raise UnknownNameError.among("model", name, MODELS)


def load_model_function(name: str) -> Callable[..., Any]:
    """The function behind a name of `MODELS`, or behind `module:function`.

    Raises:
        UnknownNameError: no such name, module or function.
        SettingsError: the module cannot be imported.
    """
    check_model_name(name)
    return load_named("model", MODELS[name][0] if name in MODELS else name)
