"""What measures of anonymity rest on: which columns an attacker knows, how finely, and their constants."""

from __future__ import annotations

from tff_health.reporting.results import DatasetResult
from tff_health.reporting.synthesis.labels import measure_label


def quasi_identifier_words(dataset: DatasetResult) -> list[str]:
    """`age (bands of 10 years)` for each quasi-identifier; the name alone where the file has no rule."""
    if dataset.synthesis is None:
        return []
    rules = dataset.synthesis.quasi_identifier_rules
    return [f"{name} ({rules[name]})" if name in rules else name for name in dataset.synthesis.quasi_identifiers]


def ruled_label(dataset: DatasetResult, name: str) -> str:
    """`measure_label` with the recorded constant that the measure depends on."""
    label = measure_label(name)
    if dataset.synthesis is None:
        return label
    below, c = dataset.synthesis.small_class, dataset.synthesis.recursive_c
    if name == "anonymity/small_class_share" and below:
        return f"Rows in classes of fewer than {below}"
    if name == "anonymity/l_recursive" and c is not None:
        return f"{label}, c = {c:g}"
    return label
