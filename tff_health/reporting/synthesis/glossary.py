"""What the words of the section on synthetic patients mean, in a line each."""

from __future__ import annotations

from tff_health.reporting.results import Results
from tff_health.reporting.synthesis.arms import SHOWN_PURPOSES, arms_for, family
from tff_health.reporting.synthesis.splits import dataset_splits, fewer_splits

_WORDS = {
    "Synthetic patients": "Rows that a generator draws at random. None stands for a person, yet they can give persons "
    "away where the generator has learnt rows by heart.",
    "Train on synthetic, test on real (TSTR)": "Classifiers are trained on synthetic rows alone and tested on held-out "
    "real patients. The yardstick is the same classifiers trained on real rows (TRTR).",
    "Accuracy": "Share of held-out real patients classified rightly.",
    "AUC": "Area under the ROC curve: the chance that a patient with the condition scores above one without. 0.5 is "
    "guessing, 1 is perfect.",
    "Augmented": "Classifiers trained on real and synthetic rows together.",
    "Fidelity": "How alike single columns and pairs of columns are: one minus the Kolmogorov-Smirnov distance (numeric "
    "columns), one minus total variation (coded columns), and likeness of correlations and contingency tables.",
    "Detection AUC": "How well a classifier tells synthetic rows from real ones: 0.5 it cannot, 1 it always can.",
    "Precision and recall, density and coverage": "Whether synthetic rows lie where real ones do (precision, density), "
    "and whether they reach everywhere real ones are (recall, coverage).",
    "Mode collapse": "A generator that makes a few kinds of rows only. Shown by categories and modes that never "
    "appear, by duplicates and by lost entropy.",
    "Packing, training by sampling": "CTGAN’s means against collapse: the critic judges several rows at once; rare "
    "categories are asked for as often as frequent ones.",
    "k-anonymity, k-map": "Fewest rows of the table (k), or fewest people of the population (k-map), that share the "
    "same quasi-identifiers.",
    "l-diversity, t-closeness": "How varied the sensitive column is within such a group (l), and how far its "
    "distribution there lies from the table’s (t).",
    "Distance to closest record": "Share of synthetic rows that lie nearer to a training patient than to any of as "
    "many held-out patients; above 0.5 the generator remembers.",
    "Attacks on synthetic rows": "Density ratio: rows are denser where training patients lie than patients at large "
    "are (DOMIAS, van Breugel et al. 2023). Nearest neighbour: distance to the closest synthetic row (Chen et al. "
    "2020), also calibrated by a reference. Monte Carlo: synthetic rows in a neighbourhood (Hilprecht et al. 2019).",
    "Singling out, linkability, inference": "Attacks on single patients from the synthetic rows; the risk is what "
    "they achieve beyond the same attack on held-out patients.",
}

KINDS = {
    "ctgan": "A conditional GAN for tables (Xu et al. 2019): hospitals train the critic on their rows, the server "
    "trains the generator.",
    "independent-marginals": "Every column’s distribution by itself: what any generator must beat.",
    "label-histograms": "Every column’s histogram for each label, from one sum over hospitals.",
    "marginal-tree": "Two-way distributions along a tree of columns, from sums over hospitals.",
}


def synthesis_glossary(results: Results) -> dict[str, str]:
    """Word -> meaning. What an interval is follows from the splits that were run."""
    return {**_WORDS, "Interval": _interval(results)}


def _interval(results: Results) -> str:
    shown = [dataset for dataset in results.datasets.values() if arms_for(dataset, "synthesiser")]
    several = any(dataset_splits(dataset) > 1 for dataset in shown)
    parts = []
    if several:
        text = (
            "over splits, Student’s t; each split has held-out patients and generators of its own. Gaps are paired: "
            "split by split over the splits that both have, then averaged"
        )
        fewer = any(fewer_splits(dataset, arm) for dataset in shown for arm in dataset.arms.values())
        parts.append(f"{text}. An arm that was scored in one split has none" if fewer else text)
    if any(dataset_splits(dataset) == 1 for dataset in shown):
        single = "where there is one split" if several else "of one split"
        parts.append(f"{single}, over resamples of its rows, the generators staying as they are; gaps have none")
    return f"95 %: {'; '.join(parts)}." if parts else "95 %, as recorded."


def synthesis_arm_lines(results: Results) -> dict[str, str]:
    """Title -> one line for every arm that makes synthetic patients, those that differ in epsilon alone together."""
    lines: dict[str, str] = {}
    for dataset in results.datasets.values():
        for purpose in SHOWN_PURPOSES:
            for arm in arms_for(dataset, purpose).values():
                line = arm.description or KINDS.get(arm.synthesis.kind if arm.synthesis else "", "")
                if line:
                    lines.setdefault(family(arm), line)
    return lines
