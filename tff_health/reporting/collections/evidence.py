"""What the parts of a study hold about a paper's row: references, arms, figures, and where these are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tff_health.reporting.cohort import references_with_cohort
from tff_health.reporting.collections.document import Finding, Place
from tff_health.reporting.formatting import number
from tff_health.reporting.guarantee import is_private
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult, Reference
from tff_health.runtime.file_names import safe_name

Parts = Mapping[str, Run]
LINE = ";\n"
"""Between things that are said of one row: a line each on the page."""
Test = Callable[[Arm], bool]


@dataclass(frozen=True)
class Found:
    """An arm in its dataset and part.

    Attributes:
        part: name.
        name: of the dataset.
        dataset: it.
        label: of the arm.
        arm: it.
    """

    part: str
    name: str
    dataset: DatasetResult
    label: str
    arm: Arm


def datasets(parts: Parts) -> Iterator[tuple[str, str, DatasetResult]]:
    """Part, name and dataset, of all parts."""
    for part, run in parts.items():
        for name, dataset in run.results.datasets.items():
            yield part, name, dataset


def arms(parts: Parts, test: Test = lambda arm: True) -> list[Found]:
    """All arms that pass a test, parts of others (`ARM/HOSPITAL`) left out."""
    return [
        Found(part, name, dataset, label, arm)
        for part, name, dataset in datasets(parts)
        for label, arm in dataset.shown_arms.items()
        if test(arm)
    ]


def place(parts: Parts, part: str, dataset: str = "", section: str = "") -> Place:
    """A link to a section of a part's report.

    Args:
        parts: all of them.
        part: which.
        dataset: its section; empty for `section` alone.
        section: `synthesis`, `images` or `privacy` of the dataset, empty for its first; without a dataset the section's
            own name, empty for the whole report.
    """
    if not dataset:
        return Place(part=part, anchor=section, words=f"{part}, {section}" if section else part)
    found = parts[part].results.datasets
    own = f"dataset-{list(found).index(dataset) + 1}"
    if section:
        own = f"privacy-{own}" if section == "privacy" else f"{own}-{section}"
    return Place(part=part, anchor=own, words=f"{part}: {found[dataset].title}")


def drawn(parts: Parts, figure: str, section: str = "") -> list[Place]:
    """Where a figure stands, by its registered name; arguments as in `place`."""
    return [
        place(parts, part, name, section)
        for part, name, _ in datasets(parts)
        if (parts[part].folder / "figures" / f"{safe_name(name)}-{figure}.svg").exists()
    ]


def references(parts: Parts, source: str) -> list[tuple[str, Reference]]:
    """References of one source, with their part."""
    return [(part, one) for part, run in parts.items() for one in references_with_cohort(run) if one.source == source]


def measured(what: str, theirs: str, found: list[tuple[Found, str]], section: str, parts: Parts) -> Finding:
    """A finding of several arms, each with a value in words.

    Args:
        what: it is about.
        theirs: the paper's.
        found: arms and what is to be said of them.
        section: of the dataset's part of the report where they are shown; empty for its first.
        parts: all of them.
    """
    by_dataset: dict[tuple[str, str], list[str]] = {}
    for one, words in found:
        by_dataset.setdefault((one.part, one.name), []).append(f"{one.arm.title} {words}")
    said = [
        f"{parts[part].results.datasets[name].title}: {LINE.join(words)}" for (part, name), words in by_dataset.items()
    ]
    places = [place(parts, part, name, section) for part, name in by_dataset]
    return Finding(what=what, theirs=theirs, ours=LINE.join(said), places=places)


def scores(arm: Arm, family: str) -> str:
    """`accuracy .97, AUC .99` of a family of metrics: `test`, `tstr/mean`; empty without any."""
    labels = {"accuracy": "accuracy", "auc": "AUC"}
    known = [
        f"{label} {number(arm.metric(f'{family}/{name}').value)}"
        for name, label in labels.items()
        if arm.metric(f"{family}/{name}").value is not None
    ]
    return ", ".join(known)


def classifies(arm: Arm) -> bool:
    """Whether it is a classifier of patients."""
    return arm.synthesis is None and arm.images is None and arm.metric("test/accuracy").value is not None


def protects(arm: Arm) -> bool:
    """Whether a classifier has a finite epsilon."""
    return classifies(arm) and is_private(arm)
