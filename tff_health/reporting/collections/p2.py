"""The rows of P2, Khan et al. 2025: what it says, and what the parts of a study have of each."""

from __future__ import annotations

from collections.abc import Callable

from tff_health.reporting.collections.document import Finding, PaperRow, Place
from tff_health.reporting.collections.evidence import (
    LINE,
    Found,
    Parts,
    arms,
    datasets,
    drawn,
    measured,
    place,
    references,
    scores,
)
from tff_health.reporting.formatting import interval, number
from tff_health.reporting.images.arms import headline as images_headline
from tff_health.reporting.images.budgets import image_budgets
from tff_health.reporting.results import DatasetResult, Metric
from tff_health.reporting.synthesis.arms import headline as synthesis_headline
from tff_health.reporting.synthesis.budgets import Budget, budgets
from tff_health.reporting.synthesis.references import P2_SOURCE

_ANONYMITY = {"k": "k", "l_distinct": "l", "t": "t"}
_FIGURES = (
    ("Figs. 7 and 8", "rows of the table, original and generated", "synthesis-columns", "synthesis"),
    ("Fig. 9", "accuracies, original and synthetic", "synthesis-arms", "synthesis"),
    ("Figs. 10 and 11", "chest X-rays, original and synthetic", "images-real-synthetic", "images"),
    ("Fig. 12", "losses of both networks", "images-losses", "images"),
)


def p2_rows(parts: Parts) -> list[PaperRow]:
    """Every row of P2, in its order, then its figures."""
    return [
        PaperRow(
            row="P2.1",
            title="CTGAN on Cleveland",
            paper="A conditional generator for 13 features and the condition, trained on rows in one place.",
            findings=[_tables("federated CTGAN, mean of seven classifiers trained on its rows", parts)],
            note="The command sample FILE --where COLUMN=VALUE draws patients of any category from a saved generator.",
        ),
        PaperRow(
            row="P2.2",
            title="Privacy tuned against utility",
            paper="Parameters are tuned to control the balance; no budget is named.",
            findings=[_budgets("classifiers trained on the best private rows", parts, budgets, "synthesis")],
        ),
        PaperRow(
            row="P2.3",
            title="Anonymity, diversity, closeness",
            paper="Named as metrics, without values.",
            findings=[_anonymity(parts)],
        ),
        PaperRow(
            row="P2.4",
            title="Table 1: train on synthetic, test on real",
            paper="Accuracy of seven classifiers on original and on synthetic rows, one value each.",
            findings=_table_1(parts),
        ),
        PaperRow(
            row="P2.5",
            title="DCGAN on chest X-rays",
            paper="Sizes brought to one, noise and artefacts cleaned, pixels scaled; pictures, no numbers.",
            findings=[_images("federated DCGAN, mean of all classifiers trained on its images", parts, "tstr/mean")],
        ),
        PaperRow(
            row="P2.6",
            title="Privacy in training the DCGAN",
            paper="Differential privacy and layer-wise perturbation; no budget is named.",
            findings=[_budgets("classifiers trained on the best private images", parts, image_budgets, "images")],
        ),
        PaperRow(
            row="P2.7",
            title="SSIM and PSNR",
            paper="Named as metrics of quality, without values.",
            findings=[_likeness(parts), _nearest(parts)],
        ),
        PaperRow(
            row="P2.8",
            title="Diagnostic relevance",
            paper="Classifiers perform almost identically on synthetic and original images; no numbers.",
            findings=_classifiers(parts),
        ),
        PaperRow(row="P2.9", title="Figures 7 to 12", paper="Six figures.", findings=_figures(parts)),
    ]


def _speaking(parts: Parts, headline: Callable[[DatasetResult], str | None]) -> list[Found]:
    return [one for one in arms(parts) if one.label == headline(one.dataset)]


def _real(dataset: DatasetResult, name: str) -> Metric:
    made = dataset.synthesis or dataset.images
    return (made.real_metrics.get(name) if made else None) or Metric()


def _beside_real(one: Found, family: str) -> str:
    real = {name: _real(one.dataset, f"trtr/{family.removeprefix('tstr/')}/{name}") for name in ("accuracy", "auc")}
    return (
        f"{scores(one.arm, family)} (real: accuracy {number(real['accuracy'].value)}, AUC {number(real['auc'].value)})"
    )


def _tables(what: str, parts: Parts) -> Finding:
    found = [(one, _beside_real(one, "tstr/mean")) for one in _speaking(parts, synthesis_headline)]
    return measured(what, "none", found, "synthesis", parts)


def _images(what: str, parts: Parts, family: str) -> Finding:
    found = [(one, _beside_real(one, family)) for one in _speaking(parts, images_headline)]
    return measured(what, "none", found, "images", parts)


def _budgets(what: str, parts: Parts, found: Callable[[DatasetResult], list[Budget]], section: str) -> Finding:
    """The best private arm at each epsilon."""
    said, places = [], []
    for part, name, dataset in datasets(parts):
        words = [f"epsilon {one.epsilon}: AUC {number(one.auc.value)} ({one.title})" for one in found(dataset)]
        if words:
            said.append(f"{dataset.title}: {LINE.join(words)}")
            places.append(place(parts, part, name, section))
    return Finding(what=what, theirs="none", ours=LINE.join(said), places=places)


def _anonymity(parts: Parts) -> Finding:
    def words(values: Callable[[str], Metric]) -> str:
        return ", ".join(
            f"{symbol} {number(values(f'anonymity/{name}').value, 2 if name == 't' else 0)}"
            for name, symbol in _ANONYMITY.items()
        )

    found = [
        (one, f"{words(one.arm.metric)} (real rows: {words(lambda name, own=one.dataset: _real(own, name))})")  # type: ignore[misc]
        for one in _speaking(parts, synthesis_headline)
        if one.arm.metric("anonymity/k").value is not None
    ]
    return measured(
        "k-anonymity, distinct l-diversity, t-closeness of the synthetic table", "none", found, "synthesis", parts
    )


def _table_1(parts: Parts) -> list[Finding]:
    return [
        Finding(
            what=one.row,
            theirs=number(one.theirs),
            ours="" if one.ours is None else number(one.ours),
            places=[place(parts, part, one.dataset or "", "synthesis")],
        )
        for part, one in references(parts, P2_SOURCE)
    ]


def _likeness(parts: Parts) -> Finding:
    found = []
    for one in _speaking(parts, images_headline):
        classes = one.dataset.images.classes if one.dataset.images else []
        words = [
            f"{label} {number(one.arm.metric(f'diversity/{label}/ssim_synthetic').value)} (real "
            f"{number(one.arm.metric(f'diversity/{label}/ssim_real').value)})"
            for label in classes
            if one.arm.metric(f"diversity/{label}/ssim_synthetic").value is not None
        ]
        if words:
            found.append((one, ", ".join(words)))
    return measured("SSIM of pairs within a class, 1 being the same image", "none", found, "images", parts)


def _nearest(parts: Parts) -> Finding:
    found = [
        (
            one,
            f"{number(one.arm.metric('memorisation/psnr_median').value, 1)} (held-out real images "
            f"{number(one.arm.metric('memorisation/psnr_median_holdout').value, 1)})",
        )
        for one in _speaking(parts, images_headline)
        if one.arm.metric("memorisation/psnr_median").value is not None
    ]
    return measured("median PSNR to the closest training image, dB", "none", found, "images", parts)


def _classifiers(parts: Parts) -> list[Finding]:
    found = []
    for one in _speaking(parts, images_headline):
        for classifier in one.dataset.images.classifiers if one.dataset.images else ():
            synthetic, real = one.arm.metric(f"tstr/{classifier}/auc"), _real(one.dataset, f"trtr/{classifier}/auc")
            found.append(
                Finding(
                    what=f"{one.dataset.title}, {classifier}: AUC",
                    theirs="almost identical",
                    ours=f"{interval(synthetic)}, trained on real images {interval(real)}",
                    places=[place(parts, one.part, one.name, "images")],
                )
            )
    return found


def _figures(parts: Parts) -> list[Finding]:
    found = []
    for figure, what, name, section in _FIGURES:
        places: list[Place] = drawn(parts, name, section)
        found.append(Finding(what=f"{figure}, {what}", theirs="drawn", ours="drawn" if places else "", places=places))
    return found
