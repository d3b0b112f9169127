"""Names of classifiers and of measures of synthetic images, and which way each measure points."""

from __future__ import annotations

from tff_health.reporting.images.arms import NETWORK
from tff_health.reporting.results import DatasetResult
from tff_health.reporting.synthesis.labels import SPEAKING, classifier_label

_BASELINE = "held-out images, for comparison"
_MEASURES = {
    "fd_clf/value": ("FD-clf", "as low as the floor"),
    "fd_clf/floor": ("FD-clf, floor", "real against real"),
    "fd_clf/ratio": ("FD-clf over floor", "1 ideal"),
    "kernel_distance/value": ("Kernel distance", "0 ideal"),
    "kernel_distance/floor": ("Kernel distance, floor", "real against real"),
    "coverage/precision": ("Precision", "below 1 even for real images"),
    "coverage/recall": ("Recall", "below 1 even for real images"),
    "coverage/density": ("Density", "about 1 for real images"),
    "coverage/coverage": ("Coverage", "below 1 even for real images"),
    "memorisation/dcr_share": ("Nearer to training than to held-out", "0.5 ideal"),
    "memorisation/exact_copies": ("Exact copies", "as held-out"),
    "memorisation/exact_copies_holdout": ("Exact copies, held-out", _BASELINE),
    "memorisation/near_copies": ("Near copies", "as held-out"),
    "memorisation/near_copies_holdout": ("Near copies, held-out", _BASELINE),
    "memorisation/psnr_median": ("PSNR to closest training image (dB)", "as held-out; higher is closer"),
    "memorisation/psnr_median_holdout": ("PSNR, held-out (dB)", _BASELINE),
    "memorisation/ssim_median": ("SSIM to closest training image", "as held-out; higher is closer"),
    "memorisation/ssim_median_holdout": ("SSIM, held-out", _BASELINE),
    "memorisation/dcr_median": ("Distance to closest training image", "as held-out"),
    "memorisation/dcr_median_holdout": ("Distance, held-out", _BASELINE),
    "memorisation/nndr": ("Distance ratio", "as held-out"),
    "memorisation/nndr_holdout": ("Distance ratio, held-out", _BASELINE),
    "duplicates/exact": ("Repeated images", "as real"),
    "duplicates/near": ("Nearly repeated images", "as real"),
    "duplicates/training_exact": ("Equal to a training image", "0 ideal"),
    "duplicates/training_near": ("Nearly equal to a training image", "0 ideal"),
    SPEAKING: ("Membership AUC", "0.5 ideal"),
}
_WORDS = {"auc": "AUC", "psnr": "PSNR", "ssim": "SSIM", "tpr": "TPR", "fpr": "FPR"}


def image_classifier_label(name: str) -> str:
    """`cnn` -> `CNN`; the rest as for tables."""
    return "CNN" if name == NETWORK else classifier_label(name)


def speaking_label(name: str) -> str:
    """The classifier within a sentence: `the CNN`."""
    if name == "mean":
        return "the mean over classifiers"
    label = image_classifier_label(name)
    return f"the {label}" if label.isupper() else f"the {label[0].lower()}{label[1:]}"


def image_measure(name: str) -> tuple[str, str, str]:
    """Name, label and ideal of a measure; an unknown one is spelt out of its own name."""
    if name in _MEASURES:
        return (name, *_MEASURES[name])
    words = [_WORDS.get(word, word) for word in name.replace("/", ", ").replace("_", " ").split()]
    text = " ".join(words)
    return name, text[:1].upper() + text[1:], ""


def image_measure_order(name: str) -> tuple[int, str]:
    """Sorts known measures as they are listed here, unknown ones behind by name."""
    known = list(_MEASURES)
    return (known.index(name), "") if name in _MEASURES else (len(known), name)


def class_label(dataset: DatasetResult, key: str) -> str:
    """A class by its name, or by its label in digits."""
    classes = dataset.images.classes if dataset.images else []
    if key not in classes and key.isdigit() and int(key) < len(classes):
        return classes[int(key)]
    return key
