"""What P2 published on synthetic patients, and what other synthesisers reach on the same ones, beside this run.

P2 is Khan, Mishra, Alamri and Pringuet, "Utilizing Generative Adversarial Networks for Preserving Privacy ...", DATA
2025, doi 10.5220/0013567600003967: Table 1 has one accuracy for each of seven classifiers, trained on Cleveland's
original rows and on a CTGAN's, without intervals, splits or AUC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tff_health.reporting.formatting import plural
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.results import Arm, DatasetResult, Metric, Reference, Results
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    arms_for,
    best_of,
    headline,
    level,
    real_metric,
)
from tff_health.reporting.synthesis.splits import dataset_splits, defined_splits, fewer_splits

P2_CITATION = (
    "S. Khan, N. Mishra, A. Alamri and P. Pringuet, Utilizing Generative Adversarial Networks for Preserving Privacy, "
    "DATA 2025, doi 10.5220/0013567600003967"
)
P2_SOURCE = "P2, Table 1"
P2_TABLE_1 = {
    "logistic-regression": (0.775, 0.775),
    "naive-bayes": (0.63, 0.72),
    "knn": (0.8222, 0.7556),
    "svc-linear": (0.8222, 0.7778),
    "svc-rbf": (0.7778, 0.7556),
    "svc-poly": (0.8222, 0.7333),
    "random-forest": (0.80, 0.6889),
}
"""Classifier -> accuracy when trained on original rows, and when trained on synthetic ones."""

PEERS = "The same classifiers on rows of other synthesisers"
_PEERS_SPLITS = (
    "Theirs are those of the same seven classifiers on pooled rows, over five stratified 80/20 splits whose seeds are "
    "not all published"
)
# What `data.heart_disease` writes: whose rows were dealt, and by which split of all rows.
_DEALT = re.compile(r"The rows of ([\w, ]+) are dealt to \d+ simulated hospitals")
_POOLED_SPLIT = re.compile(r"of all rows held out, stratified \(seed (\d+)\)")
_UCI_HEART_DISEASE = "10.24432/C52P4X"
_CLEVELAND_PEERS: dict[str, tuple[float | None, float | None]] = {
    "real rows": (0.827, 0.897),
    "pooled CTGAN, 2,000 updates": (0.819, 0.897),
    "pooled TVAE": (0.797, 0.874),
    "label-conditional histograms, epsilon 1": (None, 0.867),
    "label-conditional histograms, epsilon 3": (None, 0.886),
    "label-conditional histograms, epsilon 10": (None, 0.890),
}
_BREAST_PEERS: dict[str, tuple[float | None, float | None]] = {
    "real rows": (0.956, 0.986),
    "pooled CTGAN": (0.90, 0.945),
}


def is_cleveland(dataset: DatasetResult) -> bool:
    """Whether the rows are Cleveland's alone, as P2's are, in one hospital or dealt to several."""
    if _UCI_HEART_DISEASE not in dataset.source:
        return False
    dealt = _DEALT.search(dataset.protocol)
    return dealt[1] == "cleveland" if dealt else set(dataset.hospitals) == {"cleveland"}


def concerns_synthesis(reference: Reference) -> bool:
    """Whether a reference belongs to the sections on synthetic patients."""
    return reference.source in (P2_SOURCE, PEERS)


def synthesis_references(results: Results) -> list[Reference]:
    """P2's Table 1 and other synthesisers' figures beside this run's, for every dataset that they are about."""
    found: list[Reference] = []
    for name, dataset in results.datasets.items():
        if dataset.synthesis is None:
            continue
        if is_cleveland(dataset):
            found += _p2(name, dataset)
            found += _peers(name, dataset, _CLEVELAND_PEERS)
        elif name == "breast_cancer":
            found += _peers(name, dataset, _BREAST_PEERS)
    return found


def _p2(name: str, dataset: DatasetResult) -> Iterable[Reference]:
    arm = headline(dataset)
    for classifier, theirs in P2_TABLE_1.items():
        metric = f"tstr/{classifier}/accuracy"
        synthetic = dataset.arms[arm].metric(metric) if arm else Metric()
        for rows, value, ours in (
            ("real rows", theirs[0], real_metric(dataset, metric)),
            ("synthetic rows", theirs[1], synthetic),
        ):
            yield Reference(
                source=P2_SOURCE,
                row=f"{classifier}, trained on {rows}",
                metric="accuracy",
                theirs=value,
                ours=ours.value,
                arm=arm if rows == "synthetic rows" else None,
                dataset=name,
                why=_p2_why(dataset, dataset.arms[arm] if arm and rows == "synthetic rows" else None, ours),
            )


def _p2_why(dataset: DatasetResult, arm: Arm | None, ours: Metric) -> str:
    """What keeps P2's figures and ours apart: splits, and what the generator was fitted on."""
    count = len(defined_splits(ours)) or dataset_splits(dataset)
    what = f"the mean over {plural(count, 'split')}" if count > 1 else "of one split" if count else "as recorded"
    text = f"P2 gives one split, one accuracy and no interval; ours is {what} on held-out patients who took no part in"
    if arm is None:
        return f"{text} training."
    rows = "across hospitals that pool no row" if arm.federated else "on pooled rows"
    return f"{text} fitting the generator, here {rows}."


def _peer_why(dataset: DatasetResult) -> str:
    """On which splits theirs were measured and ours, as far as that is known."""
    count = dataset_splits(dataset)
    pooled = _POOLED_SPLIT.search(dataset.protocol)
    if pooled and count:
        first = int(pooled[1])
        seeds = f"seeds {first} to {first + count - 1}" if count > 1 else f"seed {first}"
        mine = f"ours are over scikit-learn's train_test_split with {seeds}"
    else:
        mine = f"ours are over {plural(count, 'split')} of our own" if count else "ours are over splits of our own"
    if any(fewer_splits(dataset, arm) for arm in dataset.arms.values()):
        mine += ", or the first of these where an arm has fewer"
    return (
        f"{_PEERS_SPLITS}; {mine}. Whether any two are the same is not known: small differences may be those of splits."
    )


def _peers(name: str, dataset: DatasetResult, peers: dict[str, tuple[float | None, float | None]]) -> list[Reference]:
    references = []
    for row, values in peers.items():
        arm = _counterpart(dataset, row)
        for metric, theirs in zip((MEAN_ACCURACY, MEAN_AUC), values, strict=True):
            if theirs is None:
                continue
            if row == "real rows":
                ours = real_metric(dataset, metric)
            else:
                ours = dataset.arms[arm].metric(metric) if arm else Metric()
            label = "accuracy" if metric == MEAN_ACCURACY else "auc"
            references.append(
                Reference(
                    source=PEERS,
                    row=row,
                    metric=label,
                    theirs=theirs,
                    ours=ours.value,
                    arm=arm,
                    dataset=name,
                    why=_peer_why(dataset),
                )
            )
    return references


def _counterpart(dataset: DatasetResult, row: str) -> str | None:
    """Our arm for a peer's: the best of the same epsilon; without a guarantee what speaks for synthesis."""
    if row == "real rows":
        return None
    if "epsilon" not in row:
        return headline(dataset)
    wanted = row.rsplit(" ", 1)[-1]
    arms: dict[str, Arm] = arms_for(dataset, "synthesiser")
    return best_of({name: arm for name, arm in arms.items() if is_private(arm) and level(name, arm) == wanted})
