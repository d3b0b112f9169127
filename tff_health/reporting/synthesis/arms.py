"""Which arms make synthetic patients, what each of them is for, and what stands for real rows."""

from __future__ import annotations

import re

from tff_health.reporting.guarantee import epsilon_of, is_private, upper
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.ranking import Ranking, rank
from tff_health.reporting.synthesis_document import Purpose

REAL = "real"
MEAN_ACCURACY = "tstr/mean/accuracy"
MEAN_AUC = "tstr/mean/auc"
SHOWN_PURPOSES: tuple[Purpose, ...] = ("synthesiser", "ablation", "control")
"""In the order of tables; hospitals' own generators have a table of their own."""
_EPSILON = re.compile(r"[-_]eps(?:ilon)?[-_]?(\d+(?:\.\d+)?)", re.IGNORECASE)
_IN_TITLE = re.compile(r"[,;:]?\s*\(?\b(?:at\s+)?(?:epsilon|eps|ε)\s*[=≤]?\s*\d+(?:\.\d+)?\)?", re.IGNORECASE)
# A calibrated epsilon lies a little below the one that was asked for.
_NEAR = 0.9


def is_synthetic(dataset: DatasetResult, name: str) -> bool:
    """Whether an arm belongs to the section on synthetic patients rather than among the classifiers."""
    return dataset.arms[name].synthesis is not None or (dataset.synthesis is not None and name == REAL)


def purpose(name: str, arm: Arm) -> Purpose:
    """What an arm is for: as recorded, else as its name says."""
    made = arm.synthesis or arm.images
    if made is not None and made.purpose is not None:
        return made.purpose
    if name.startswith("own-generator/"):
        return "own-generator"
    if name.endswith("-overfitted"):
        return "control"
    return "ablation" if re.search(r"-no-(packing|sampling|condition)", name) else "synthesiser"


def arms_for(dataset: DatasetResult, wanted: Purpose) -> dict[str, Arm]:
    """The dataset's arms that make synthetic patients for this purpose, by name, in the order of the file."""
    return {
        name: arm
        for name, arm in dataset.arms.items()
        if arm.synthesis is not None and purpose(name, arm) == wanted and name != REAL
    }


def plain_synthesisers(dataset: DatasetResult) -> dict[str, Arm]:
    """Synthesisers without a guarantee."""
    return {name: arm for name, arm in arms_for(dataset, "synthesiser").items() if not is_private(arm)}


def private_synthesisers(dataset: DatasetResult) -> dict[str, Arm]:
    """Synthesisers with a finite epsilon."""
    return {name: arm for name, arm in arms_for(dataset, "synthesiser").items() if is_private(arm)}


def headline(dataset: DatasetResult) -> str | None:
    """The arm without a guarantee that speaks for synthesis across hospitals.

    The recorded one; else the federated CTGAN, the first of several, since the best on held-out patients would flatter;
    without one the federated arm, or any, of highest mean AUC.
    """
    plain = plain_synthesisers(dataset)
    if dataset.synthesis is not None and dataset.synthesis.best in dataset.arms:
        return dataset.synthesis.best
    federated = {name: arm for name, arm in plain.items() if arm.federated}
    gans = [name for name, arm in federated.items() if arm.synthesis and arm.synthesis.kind == "ctgan"]
    if gans:
        return "ctgan" if "ctgan" in gans else gans[0]
    return best_of(federated or plain)


def family(arm: Arm) -> str:
    """An arm's title without its epsilon: `Label histograms, epsilon 1` -> `Label histograms`."""
    return _IN_TITLE.sub("", arm.title).strip(" ,;:") or arm.title


def ranked(arms: dict[str, Arm]) -> Ranking | None:
    """The arms by mean AUC, or accuracy where no AUC is defined, on the splits they share; None where neither is."""
    return rank(arms, (MEAN_AUC, MEAN_ACCURACY))


def best_of(arms: dict[str, Arm]) -> str | None:
    """The best of `ranked`."""
    found = ranked(arms)
    return found.best if found else None


def level(name: str, arm: Arm) -> str:
    """The epsilon that an arm was made for, as people say it: `1` for `ctgan-eps1`, whose own may be 0.998."""
    epsilon = epsilon_of(arm)
    named = _EPSILON.search(name)
    if named and _NEAR * float(named[1]) <= epsilon <= float(named[1]) * (1 + 1e-6):
        return f"{float(named[1]):g}"
    return upper(epsilon)


def levels(dataset: DatasetResult) -> dict[str, dict[str, Arm]]:
    """Epsilon as text -> the private synthesisers made for it, by rising epsilon; patient level only where there is."""
    return by_level(private_synthesisers(dataset))


def by_level(private: dict[str, Arm]) -> dict[str, dict[str, Arm]]:
    """Epsilon as text -> those of the arms made for it; the rest is as in `levels`."""
    units = {arm.privacy.unit for arm in private.values() if arm.privacy}
    found: dict[str, dict[str, Arm]] = {}
    for name, arm in sorted(private.items(), key=lambda item: epsilon_of(item[1])):
        if "patient" in units and arm.privacy and arm.privacy.unit != "patient":
            continue
        found.setdefault(level(name, arm), {})[name] = arm
    return found


def real_metric(dataset: DatasetResult, name: str) -> Metric:
    """A metric of real rows in the place of synthetic ones: `tstr/svc-rbf/auc` finds `trtr/svc-rbf/auc`."""
    recorded = dict(dataset.synthesis.real_metrics) if dataset.synthesis else {}
    if REAL in dataset.arms:
        recorded = {**dataset.arms[REAL].metrics, **recorded}
    swapped = f"trtr/{name.removeprefix('tstr/')}" if name.startswith("tstr/") else name
    return recorded.get(swapped) or recorded.get(name) or Metric()
