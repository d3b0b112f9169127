"""What experiments on generators of tables and of images share beside their arms. Imports nothing heavy."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from data.errors import TffHealthError
from tff_health.experiments.base_settings import ExperimentBase

_OPTION = "aggregator"


class GeneratorExperiment(ExperimentBase):
    """An experiment on generators.

    Attributes:
        aggregator: of every arm that trains across hospitals, whose synthesizer has an option of that name and whose
            options leave it out: a name of `tff_health.aggregators.catalogue`, or module:function.
    """

    aggregator: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _aggregators(cls, document: Any) -> Any:
        """Writes the aggregator into the arms it is meant for, so that an arm's options are all there is to know."""
        if not isinstance(document, Mapping) or not isinstance(document.get(_OPTION), str):
            return document
        document = copy.deepcopy(dict(document))
        for task in _tables(document.get("datasets")):
            for arm in _tables(task.get("arms")):
                if _trains_across_hospitals(arm) and cls.has_option(str(arm.get("method")), _OPTION):
                    options = arm.setdefault("options", {})
                    if isinstance(options, dict):
                        options.setdefault(_OPTION, document[_OPTION])
        return document

    @classmethod
    def has_option(cls, method: str, option: str) -> bool:
        """Whether a synthesizer of this experiment's kind has an option; no where there is no such synthesizer."""
        try:
            return option in getattr(cls.synthesizer_class(method), "__dataclass_fields__", {})
        except TffHealthError:
            return False  # the arm's own check says so, in its place

    @classmethod
    def synthesizer_class(cls, method: str) -> type:
        """The class that a method names.

        Raises:
            TffHealthError: there is none.
        """
        raise NotImplementedError


def _trains_across_hospitals(arm: Mapping[str, Any]) -> bool:
    return arm.get("data", "federation") == "federation" and not arm.get("privacy")


def _tables(value: Any) -> list[dict[str, Any]]:
    """The tables within a table; what is none is left to validation, which says so."""
    return [group for group in value.values() if isinstance(group, dict)] if isinstance(value, dict) else []
