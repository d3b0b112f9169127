"""What a reader must know of how rows were split and scored."""

from __future__ import annotations

from collections.abc import Mapping

from data.federation import Federation
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.reporting.formatting import listing
from tff_health.reporting.results import Arm
from tff_health.reporting.synthesis.splits import scored_splits, sharing_sentence


def evaluation_notes(
    settings: SynthesisSettings, name: str, federation: Federation | HeldFederation, arms: Mapping[str, Arm]
) -> list[str]:
    """How rows were split and scored, and what intervals over splits rest on, as sentences.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        federation: of the first split.
        arms: label -> results; hospitals' parts of an arm have labels of their own.
    """
    chosen, splits = settings.evaluation_of(name), settings.splits_of(name)
    size = (
        "as many rows as its training hospitals have"
        if chosen.rows == 1
        else f"{chosen.rows:g} times its training rows"
    )
    asked = f"on training rows alone, and asked for {size}"
    preprocessing = (
        "Classifiers' preprocessing is fitted on the rows that they are trained on, synthetic ones included."
    )
    if splits == 1:
        return [
            f"One split into training and held-out patients; every generator is fitted {asked}.",
            "Intervals are those over resamples of that split's rows, the generators staying as they are.",
            preprocessing,
        ]
    fewer: dict[int, list[str]] = {}
    for label, arm in arms.items():
        count = scored_splits(arm)
        # Hospitals' parts of an arm share its splits.
        if 0 < count < splits and label.split("/")[0] not in fewer.setdefault(count, []):
            fewer[count].append(label.split("/")[0])
    only = [f"{listing(labels)} in {count}" for count, labels in fewer.items() if labels]
    share = sharing_sentence(federation.kind, federation.licence)
    notes = [
        f"{splits} splits into training and held-out patients; every generator is fitted anew in each of its splits, "
        f"{asked}.",
        f"Fitted in the first splits only: {'; '.join(only)} of {splits}." if only else "",
        f"Intervals over splits are Student's t; {share}.",
        "Singling out, linkability and inference are measured in the first split only."
        if chosen.disclosure and chosen.anonymeter
        else "",
        preprocessing,
    ]
    return [note for note in notes if note]
