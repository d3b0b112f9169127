"""In how many splits an arm was scored, and whether splits share patients: what intervals over splits rest on."""

from __future__ import annotations

from tff_health.reporting.results import Arm, DatasetResult, Metric

# How the project's own simulated datasets are licensed: their rows are drawn anew with every split's seed.
_DRAWN = "drawn by this software"


def defined_splits(metric: Metric) -> frozenset[int]:
    """The splits, from 0, in which the metric has a value."""
    return frozenset(split for split, value in enumerate(metric.seeds) if value is not None)


def scored_splits(arm: Arm) -> int:
    """In how many splits classifiers were trained on the arm's rows; 0 where the file does not say."""
    return max(
        (len(defined_splits(metric)) for name, metric in arm.metrics.items() if name.startswith("tstr/")), default=0
    )


def dataset_splits(dataset: DatasetResult) -> int:
    """How many splits the dataset was run in; 0 where the file does not say."""
    recorded = dataset.synthesis.splits if dataset.synthesis else 0
    return recorded or max(map(scored_splits, dataset.arms.values()), default=0)


def fewer_splits(dataset: DatasetResult, arm: Arm) -> str:
    """`3 of 5 splits` for an arm that was scored in fewer than the dataset was run in; else empty."""
    count, of = scored_splits(arm), dataset_splits(dataset)
    return f"{count} of {of} splits" if 0 < count < of else ""


def splits_share_patients(kind: str, licence: str) -> bool | None:
    """Whether every split divides the same patients; None where that is not known.

    Args:
        kind: real or simulated, of `DatasetResult` or `Federation`.
        licence: likewise.
    """
    if kind == "real":
        return True
    return False if licence.startswith(_DRAWN) else None


def sharing_sentence(kind: str, licence: str) -> str:
    """What intervals over splits leave out; the arguments are those of `splits_share_patients`."""
    return {
        True: "splits share patients, so intervals over them speak of other splits of these patients more than of "
        "other patients",
        False: "every split draws rows of its own, so intervals over splits speak of other rows of the same making",
        None: "where splits divide the same rows, intervals over them speak of other splits of these rows more than of "
        "other rows",
    }[splits_share_patients(kind, licence)]
