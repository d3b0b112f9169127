"""The published values of P1 and ours beside them.

P1 is R. Poojari, "Privacy-Preserving Generative AI in Healthcare Systems Using Federated Learning
Approaches", 2026. The values are those of its Table 1, of the printout under its listing, and of the text under
its figures.
"""

from __future__ import annotations

from tff_health.reporting import figure_10
from tff_health.reporting.formatting import number, percent, plural
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.results import Arm, DatasetResult, Reference, Results

CITATION = (
    "R. Poojari, Privacy-Preserving Generative AI in Healthcare Systems Using Federated Learning Approaches, 2026"
)
TABLE_1 = {1: (0.6980, 0.49), 2: (0.6901, 0.50), 3: (0.6864, 0.54), 4: (0.6852, 0.55), 5: (0.6863, 0.60)}
"""Round -> (loss, accuracy)."""

LISTING_PRINTOUT = {
    1: (0.6980, 0.49),
    2: (0.6991, 0.40),
    3: (0.6958, 0.37),
    4: (0.6864, 0.51),
    5: (0.6863, 0.63),
}
"""Round -> (loss, accuracy) as the listing printed them; 63 %, not 60 %, at the end."""

FIGURE_7_SHARES = {"Disease A": 0.33, "Disease B": 0.35, "Healthy": 0.32}
FIGURE_9_CORRELATIONS = {
    ("blood pressure", "risk"): 0.05,
    ("cholesterol", "risk"): 0.09,
    ("blood pressure", "cholesterol"): 0.01,
}
"""As data/patient_cohort.py reads the sentence under Fig. 9, which names four numbers for three pairs; it can
also be read with .01 and .05 exchanged."""

FIGURE_12_ENDPOINTS = {"accuracy": (0.60, 0.80), "loss": (0.40, 0.30)}
"""Metric -> (first round, fifth round)."""

FIGURE_14_COUNTS = {"tn": 4, "tp": 4}
FIGURE_15_AUC = 0.80
TRAINING_ROWS = 100
"""Rows of client 0, on which the listing is both trained and scored."""

PAPER_DATASET = "paper_mock"
COHORT = "patient_cohort"
PRINTOUT = "P1 listing's printout"
"""Source of references to what the listing printed; `ours` is then scored as the listing does it."""

_WHY_PRINTOUT = (
    "The listing again, scored as the paper does it, on client 0's own training rows: every round is a new draw of "
    "random weights, so neither column repeats the other."
)
_HEART_DATASETS = ("heart_disease", COHORT, "breast_cancer")
# Words by which a cohort's columns are recognised, each standing for a name of Fig. 9.
COLUMN_WORDS = {
    "blood pressure": ("pressure", "systolic", "trestbps"),
    "cholesterol": ("chol",),
    "risk": ("risk",),
}


def find_column(names: list[str], quantity: str) -> str | None:
    """The first of `names` that measures a quantity of Fig. 9 (`blood pressure`, `cholesterol`, `risk`)."""
    return next((name for name in names if any(word in name.lower() for word in COLUMN_WORDS[quantity])), None)


def compare(results: Results) -> list[Reference]:
    """The paper's values beside this run's, each with one plain sentence on why they differ.

    Args:
        results: the run's results; `references` is not read.

    Returns:
        Table 1, the listing's printout and Fig. 12 where `paper_mock` was run; Figs. 7 and 9 where the
        simulated cohort has statistics; Figs. 10, 14 and 15 always, with `ours` None where the run did not
        measure it.
    """
    references: list[Reference] = []
    mock = results.datasets.get(PAPER_DATASET)
    if mock is not None:
        references += _rounds(mock)
    cohort = results.datasets.get(COHORT)
    if cohort is not None and cohort.statistics is not None:
        references += _shares(cohort) + _correlations(cohort)
    return references + figure_10.references(results) + _classification(results)


def _rounds(mock: DatasetResult) -> list[Reference]:
    references = []
    for name, arm in mock.shown_arms.items():
        # Private arms take other steps, so their rounds are no rows of Table 1; they answer to Fig. 10.
        if not arm.rounds or is_private(arm) or not (arm.federated or name == "paper-listing"):
            continue
        tables = [("P1 Table 1", TABLE_1, "test")]
        if name == "paper-listing":
            tables.append((PRINTOUT, LISTING_PRINTOUT, "listing"))
        for source, table, scored in tables:
            for position, metric in enumerate(("loss", "accuracy")):
                why = _WHY_PRINTOUT if scored == "listing" else _why_rounds(name, arm, metric, table[5][position])
                references += [
                    Reference(
                        source=source,
                        row=f"Round {number_}",
                        metric=metric,
                        theirs=row[position],
                        ours=arm.at_round(number_, f"{scored}/{metric}").value,
                        arm=name,
                        dataset=PAPER_DATASET,
                        why=why,
                    )
                    for number_, row in table.items()
                ]
    headline = mock.headline_arm
    for metric, ends in FIGURE_12_ENDPOINTS.items():
        for round_number, theirs in zip((1, 5), ends, strict=True):
            ours = mock.arms[headline].at_round(round_number, f"test/{metric}").value if headline else None
            references.append(
                Reference(
                    source="P1 Fig. 12",
                    row=f"Round {round_number}",
                    metric=metric,
                    theirs=theirs,
                    ours=ours,
                    arm=headline,
                    dataset=PAPER_DATASET,
                    why="Fig. 12 does not show the experiment of Table 1: its values start and end "
                    "elsewhere, and "
                    "no listing in the paper produces them.",
                )
            )
    return references


def _why_rounds(name: str, arm: Arm, metric: str, theirs: float) -> str:
    final = arm.at_round(5, f"test/{metric}")
    held_out = plural(final.n, "held-out patient") if final.n else "held-out patients"
    if name == "paper-listing":
        return (
            "The same faults, scored on other rows: the listing's clients start each round from fresh random "
            "weights and never receive the global model, so nothing accumulates and every round is a new "
            "draw; "
            f"theirs is one draw on client 0's {TRAINING_ROWS} training rows (plus or minus 10 points by "
            "chance "
            f"alone), ours is scored on {held_out}."
        )
    if final.value is None:
        return "Here every client starts from the global model; this run has no fifth round to compare."
    ahead = final.value > theirs if metric == "accuracy" else final.value < theirs
    start = "Here every client starts each round from the global model, as federated averaging requires, "
    if ahead:
        return start + f"so the rounds add up, and {held_out} are scored: {number(final.value)} after round 5."
    return (
        start + f"and {held_out} are scored; five rounds at these settings are too short to pass the paper's "
        f"figure ({number(final.value)} after round 5)."
    )


def _shares(cohort: DatasetResult) -> list[Reference]:
    statistics = cohort.statistics
    column = statistics.column("diagnosis") if statistics else None
    counts = (column.categories if column else None) or {}
    total = sum(counts.values())
    return [
        Reference(
            source="P1 Fig. 7",
            row=label,
            metric="share",
            theirs=share,
            ours=counts[label] / total if total and label in counts else None,
            dataset=COHORT,
            why="Both cohorts are simulated: the paper does not give its generator, ours draws diagnoses "
            "with the "
            "paper's shares, so what is left is chance.",
        )
        for label, share in FIGURE_7_SHARES.items()
    ]


def _correlations(cohort: DatasetResult) -> list[Reference]:
    correlation = cohort.statistics.correlation if cohort.statistics else None
    names = correlation.names if correlation else []
    references = []
    for (first, second), theirs in FIGURE_9_CORRELATIONS.items():
        row, column = find_column(names, first), find_column(names, second)
        ours = None
        if correlation is not None and row is not None and column is not None:
            ours = correlation.matrix[names.index(row)][names.index(column)]
        references.append(
            Reference(
                source="P1 Fig. 9",
                row=f"{first} and {second}",
                metric="correlation",
                theirs=theirs,
                ours=ours,
                dataset=COHORT,
                why="Both cohorts are simulated: ours is drawn with these correlations, so what is left is "
                "chance. "
                "The paper's sentence names four numbers for three pairs; it can also be read with .01 and "
                ".05 "
                "exchanged.",
            )
        )
    return references


def _classification(results: Results) -> list[Reference]:
    real = [name for name, dataset in results.datasets.items() if dataset.kind == "real"]
    name = next((n for n in (*_HEART_DATASETS, *real) if n in results.datasets and results.datasets[n].arms), None)
    dataset = results.datasets[name] if name else None
    headline = dataset.headline_arm if dataset else None
    arm = dataset.arms[headline] if dataset and headline else None
    confusion = arm.confusion if arm else None
    patients = confusion.tn + confusion.fp + confusion.fn + confusion.tp if confusion else 0
    auc = arm.metric("test/auc") if arm else None
    named = {"dataset": name, "arm": headline}
    references = [
        Reference(
            source="P1 Fig. 14",
            row={"tn": "true negatives", "tp": "true positives"}[cell],
            metric="count",
            theirs=theirs,
            ours=getattr(confusion, cell) if confusion else None,
            why=f"The paper's matrix holds 8 patients, which supports no rate; ours counts {patients} "
            "held-out "
            f"patients of {dataset.title}."
            if confusion and dataset
            else "The paper's matrix holds 8 patients; this run has no confusion matrix to set beside it.",
            **named,
        )
        for cell, theirs in FIGURE_14_COUNTS.items()
    ]
    measured = auc is not None and auc.value is not None and dataset is not None
    why = "The paper names neither the patients nor the model behind its curve"
    if measured and auc and dataset and arm:
        kind = "real" if dataset.kind == "real" else "simulated"
        why += f"; ours is {arm.title} on {plural(auc.n, 'held-out patient')} ({kind}, {dataset.title})."
    else:
        why += ", and this run measured no AUC to set beside it."
    references.append(
        Reference(
            source="P1 Fig. 15",
            row="ROC curve",
            metric="AUC",
            theirs=FIGURE_15_AUC,
            ours=auc.value if auc else None,
            why=why,
            **named,
        )
    )
    return references


def listing_end() -> str:
    """The two accuracies that the paper gives for the same last round, in words."""
    return f"{percent(TABLE_1[5][1])} in the text and Table 1, {percent(LISTING_PRINTOUT[5][1])} in the printout"
