"""What others published on the same images, and what P2 promises of its own, beside this run.

PneumoniaMNIST: ResNet-18 at 28 x 28 is that of J. Yang et al., MedMNIST v2, Scientific Data 10:41 (2023), doi
10.1038/s41597-022-01721-8; the smaller network is "SimpleCNN" of a course's published solution, MPHY 6120, homework 5
(https://clinicalai.guide/labs/module-06/hw5_report.html). P2's images stand without a number (section 4.2, Figs. 10 to
12).
"""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing, plural, some
from tff_health.reporting.guarantee import NOT_SECURE, named, secure_aggregation
from tff_health.reporting.images.arms import (
    classifier_names,
    headline,
    private_generators,
    real_metric,
    worth_metric,
)
from tff_health.reporting.images.labels import image_classifier_label
from tff_health.reporting.images.likeness import headline_likeness, memory_sentence
from tff_health.reporting.images.utility import arm_gap
from tff_health.reporting.results import DatasetResult, Reference, Results

PUBLISHED = "Classifiers trained on PneumoniaMNIST's real images"
_SIZE = 28
_PNEUMONIAMNIST = {
    "ResNet-18 (MedMNIST v2)": {"auc": 0.944, "accuracy": 0.854},
    "CNN of 93,249 weights (course MPHY 6120)": {"auc": 0.955, "accuracy": 0.851},
}


@dataclass(frozen=True)
class Promise:
    """What P2 says of its images.

    Attributes:
        claim: of the paper.
        shown: what the paper shows for it.
        here: what this run found.
    """

    claim: str
    shown: str
    here: str


def concerns_images(reference: Reference) -> bool:
    """Whether a reference belongs to the sections on synthetic images."""
    return reference.source == PUBLISHED


def image_references(results: Results) -> list[Reference]:
    """Published classifiers beside ours on real images, for every dataset of PneumoniaMNIST at its own size."""
    return [
        Reference(
            source=PUBLISHED,
            row=row,
            metric=measure,
            theirs=theirs,
            ours=real_metric(dataset, f"tstr/cnn/{measure}").value,
            dataset=name,
            why=_why(dataset),
        )
        for name, dataset in results.datasets.items()
        if dataset.images is not None and dataset.images.size == _SIZE and "PneumoniaMNIST" in dataset.source
        for row, values in _PNEUMONIAMNIST.items()
        for measure, theirs in values.items()
    ]


def promises(dataset: DatasetResult) -> list[Promise]:
    """P2's promises on chest X-rays, each with what this run found; empty where the images are of something else."""
    if "x-ray" not in f"{dataset.title} {dataset.source}".lower():
        return []
    return [
        Promise(
            "Classifiers perform almost identically on synthetic and original images, whichever classifier is used",
            "no number",
            _classifiers(dataset),
        ),
        Promise(
            "Synthetic images keep the anatomy and the disease, with high visual fidelity",
            "Figs. 10 and 11, no number",
            headline_likeness(dataset) or "Not measured.",
        ),
        Promise(
            "Privacy is assessed by SSIM and PSNR",
            "no value of either",
            memory_sentence(dataset) or "Not measured.",
        ),
        Promise(
            "Differential privacy and layer-wise perturbation enhance privacy during training",
            "no epsilon, no mechanism",
            _guarantees(dataset),
        ),
        Promise(
            "Sizes are normalised, noise and artefacts cleaned, pixels normalised",
            "no picture before and after",
            _preparation(dataset),
        ),
    ]


def _why(dataset: DatasetResult) -> str:
    made = dataset.images
    trained = f", trained on {plural(made.images, 'image')}" if made is not None and made.images else ""
    return (
        f"Ours is the network that also judges synthetic images, the same in all arms{trained} and left as it is "
        "rather than tuned on these images; images found on two sides were taken out of training."
    )


def _classifiers(dataset: DatasetResult) -> str:
    best = headline(dataset)
    if best is None:
        return "No generator without a guarantee was run."
    arm = dataset.arms[best]
    gaps = {
        name: one
        for name in classifier_names(dataset)
        if (one := arm_gap(dataset, arm, f"tstr/{name}/auc")) is not None
    }
    if not gaps:
        return "Not measured."
    words = [f"{image_classifier_label(name)} {one.words}" for name, one in gaps.items()]
    worse = sum(one.outcome == "worse" for one in gaps.values())
    if all(one.outcome == "unknown" for one in gaps.values()):
        return (
            f"AUC, synthetic minus real, {named(arm)}: {listing(words)}; without intervals over seeds nothing follows."
        )
    found = (
        f"{worse} of {plural(len(gaps), 'classifier')} do clearly worse"
        if worse
        else "no classifier does clearly worse, by the paired interval"
    )
    return f"AUC, synthetic minus real, {named(arm)}: {listing(words)}; {found}."


def _guarantees(dataset: DatasetResult) -> str:
    private = private_generators(dataset)
    if not private:
        return "No generator of this run has a guarantee."
    metric = worth_metric(dataset, "auc")
    terms = some([f"{named(arm)}, AUC {interval(arm.metric(metric))}" for arm in private.values()])
    simulated = any(secure_aggregation(arm) == NOT_SECURE for arm in private.values())
    warning = " The secure sum is simulated: NOT SECURE." if simulated else ""
    return f"Each private arm has an accounted epsilon: {terms}.{warning}"


def _preparation(dataset: DatasetResult) -> str:
    made = dataset.images
    if made is None:
        return "Not recorded."
    size = f"All images have {made.size} x {made.size} pixels in [-1, 1]"
    if not made.cleaned:
        return f"{size}; cleaning was off in this run."
    figure = ", as the figure below shows" if made.pictures else ""
    return f"{size}; borders and burnt-in markers were removed and noise filtered{figure}."
