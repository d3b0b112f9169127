"""Users' modules that register metrics and figures, imported by name before a run and before a report."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from data.errors import SettingsError


def load_extensions(modules: Sequence[str]) -> None:
    """Imports users' modules, also from the working folder; what they register is then in use.

    Raises:
        SettingsError: a module cannot be imported.
    """
    if os.getcwd() not in sys.path:  # last, so that a user's folder hides nothing installed
        sys.path.append(os.getcwd())
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise SettingsError(
                f"the extension {name!r} cannot be imported ({type(error).__name__}: {error}); name a module of the "
                "working folder or of the Python path."
            ) from error
