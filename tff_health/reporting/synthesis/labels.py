"""Names of classifiers and of measures of synthetic patients, and which way each measure points."""

from __future__ import annotations

CLASSIFIERS = {
    "logistic-regression": "Logistic regression",
    "naive-bayes": "Naive Bayes",
    "knn": "K nearest neighbours",
    "svc-linear": "SVC, linear",
    "svc-rbf": "SVC, RBF",
    "svc-poly": "SVC, polynomial",
    "random-forest": "Random forest",
    "mean": "Mean",
}

SPEAKING = "membership/speaking"
"""Not a metric of the file: the AUC of the membership attack that speaks for an arm."""

# Fresh rows of the same patients fall outside some balls of any manifold: coverage, say, is 0.97 at best.
_EQUAL = "below 1 even for real rows"
_NEAR_HELD_OUT = "near the held-out value; below 1 even for held-out rows"
_MEASURES = {
    "fidelity/ks": ("Numeric columns (KS)", "1 ideal"),
    "fidelity/tv": ("Coded columns (TV)", "1 ideal"),
    "fidelity/missing": ("Missing cells", "1 ideal"),
    "fidelity/correlation": ("Correlation similarity", "1 ideal"),
    "fidelity/contingency": ("Contingency similarity", "1 ideal"),
    "detection/auc": ("Detection AUC", "0.5 ideal"),
    "detection/logistic_auc": ("Detection AUC, logistic", "0.5 ideal"),
    "detection/forest_auc": ("Detection AUC, forest", "0.5 ideal"),
    "coverage/train/precision": ("Precision, training", _NEAR_HELD_OUT),
    "coverage/train/recall": ("Recall, training", _NEAR_HELD_OUT),
    "coverage/train/density": ("Density, training", "near the held-out value; about 1 for held-out rows"),
    "coverage/train/coverage": ("Coverage, training", _NEAR_HELD_OUT),
    "coverage/test/precision": ("Precision, held-out", _EQUAL),
    "coverage/test/recall": ("Recall, held-out", _EQUAL),
    "coverage/test/density": ("Density, held-out", "about 1 for real rows"),
    "coverage/test/coverage": ("Coverage, held-out", _EQUAL),
    "collapse/categories_covered": ("Categories that appear", "1 ideal"),
    "collapse/modes_covered": ("Modes that appear", "1 ideal"),
    "collapse/rarest_category": ("Rarest category against real", "1 ideal"),
    "collapse/entropy_ratio": ("Entropy against real", "1 ideal"),
    "collapse/lowest_entropy_ratio": ("Lowest entropy of a column against real", "1 ideal"),
    "collapse/duplicates": ("Repeated rows", "as real"),
    "collapse/real_duplicates": ("Repeated real rows", "baseline"),
    "collapse/binned_duplicates": ("Repeated rows, binned", "as real"),
    "collapse/real_binned_duplicates": ("Repeated real rows, binned", "baseline"),
    "anonymity/k": ("k-anonymity", "larger is safer"),
    "anonymity/unique_share": ("Unique rows", "smaller is safer"),
    "anonymity/small_class_share": ("Rows in small classes", "smaller is safer"),
    "anonymity/classes": ("Classes", ""),
    "anonymity/k_map": ("k-map", "larger is safer"),
    "anonymity/k_map_unmatched": ("Rows that match nobody", ""),
    "anonymity/l_distinct": ("l-diversity, distinct", "larger is safer"),
    "anonymity/l_entropy": ("l-diversity, entropy", "larger is safer"),
    "anonymity/l_recursive": ("l-diversity, recursive", "larger is safer"),
    "anonymity/t": ("t-closeness", "smaller is safer"),
    "disclosure/dcr_share": ("Nearer to training than to held-out", "0.5 ideal"),
    "disclosure/exact_copies": ("Exact copies", "as held-out"),
    "disclosure/exact_copies_holdout": ("Held-out rows that copy a training row", "baseline"),
    "disclosure/near_copies": ("Near copies", "as held-out"),
    "disclosure/near_copies_holdout": ("Held-out rows near a training row", "baseline"),
    "disclosure/dcr_median": ("Distance to closest record", "as held-out"),
    "disclosure/dcr_median_holdout": ("The same, held-out", "baseline"),
    "disclosure/nndr": ("Distance ratio", "as held-out"),
    "disclosure/nndr_holdout": ("Distance ratio, held-out", "baseline"),
    **{
        f"{group}/{part}": (f"{label}: {words}", ideal)
        for group, label in (
            ("singling_out", "Singling out"),
            ("singling_out_univariate", "Singling out by one column"),
            ("linkability", "Linking"),
            ("inference", "Inference"),
        )
        for part, words, ideal in (
            ("risk", "risk", "0 ideal"),
            ("attack", "on training", ""),
            ("control", "on held-out", "baseline"),
            ("baseline", "by guessing", "baseline"),
        )
    },
    SPEAKING: ("Membership AUC", "0.5 ideal"),
}
_WORDS = {"dcr": "DCR", "nndr": "NNDR", "auc": "AUC", "ks": "KS", "tv": "TV", "k": "k", "l": "l", "t": "t"}


def classifier_label(name: str) -> str:
    """`svc-rbf` -> `SVC, RBF`; an unknown classifier is spelt out of its own name."""
    return CLASSIFIERS.get(name) or name.replace("-", " ").replace("_", " ").capitalize()


def measure_label(name: str) -> str:
    """`fidelity/ks` -> `Numeric columns (KS)`; an unknown measure is spelt out of its own name."""
    if name in _MEASURES:
        return _MEASURES[name][0]
    words = [_WORDS.get(word, word) for word in name.split("/", 1)[-1].replace("/", ", ").replace("_", " ").split()]
    text = " ".join(words)
    return text if words and words[0] in _WORDS.values() else text[:1].upper() + text[1:]


def measure_ideal(name: str) -> str:
    """Which value would be best, in a word or two; empty where that is not known."""
    return _MEASURES[name][1] if name in _MEASURES else ""


def measure_order(name: str) -> tuple[int, str]:
    """Sorts known measures as they are listed here, unknown ones behind by name."""
    known = list(_MEASURES)
    return (known.index(name), "") if name in _MEASURES else (len(known), name)
