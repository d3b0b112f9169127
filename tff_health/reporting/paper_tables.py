"""References laid out as tables: rounds against arms where there are rounds, one figure each otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tff_health.reporting.formatting import listing
from tff_health.reporting.paper import PRINTOUT
from tff_health.reporting.results import Reference, Results


@dataclass(frozen=True)
class PaperTable:
    """What the paper says of each round beside our arms.

    Attributes:
        metric: what is counted.
        sources: where in the paper, one column each.
        arms: titles of our arms, one column each.
        rows: row name, the paper's values by source and ours by arm; None where there is none.
        reasons: who (sources and arms in words) -> why it differs.
    """

    metric: str
    sources: tuple[str, ...]
    arms: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...], tuple[float | None, ...]], ...]
    reasons: dict[str, str]


@dataclass(frozen=True)
class PaperGroup:
    """Neighbouring references of one figure that share a reason."""

    source: str
    why: str
    references: tuple[Reference, ...]


def is_round(reference: Reference) -> bool:
    """Whether the reference belongs to a table of rounds with several arms."""
    return reference.row.startswith("Round ") and reference.arm is not None


def paper_tables(results: Results, references: list[Reference]) -> list[PaperTable]:
    """One table of rounds for each metric; accuracy, which is what the paper claims, stands first."""
    groups: dict[str, list[Reference]] = {}
    for reference in references:
        if is_round(reference):
            groups.setdefault(reference.metric, []).append(reference)
    ordered = sorted(groups, key=lambda metric: metric != "accuracy")
    return [_table(results, metric, groups[metric]) for metric in ordered]


def paper_groups(references: list[Reference]) -> list[PaperGroup]:
    """The references that are no rounds, by the number of the paper's figure."""
    found = _grouped([ref for ref in references if ref.source.startswith("P1") and not is_round(ref)])
    return sorted(found, key=lambda group: [int(part) for part in re.findall(r"\d+", group.source)])


def peer_groups(references: list[Reference]) -> list[PaperGroup]:
    """The references to other projects, in their own order."""
    return _grouped([reference for reference in references if not reference.source.startswith("P1")])


def _grouped(references: list[Reference]) -> list[PaperGroup]:
    groups: dict[tuple[str, str], list[Reference]] = {}
    for reference in references:
        groups.setdefault((reference.source, reference.why), []).append(reference)
    return [PaperGroup(source, why, tuple(group)) for (source, why), group in groups.items()]


def _table(results: Results, metric: str, group: list[Reference]) -> PaperTable:
    sources = list(dict.fromkeys(reference.source for reference in group))
    columns = list(dict.fromkeys(_column(results, reference) for reference in group))
    names = list(dict.fromkeys(reference.row for reference in group))
    theirs = {(reference.row, reference.source): reference.theirs for reference in group}
    ours = {(reference.row, _column(results, reference)): reference.ours for reference in group}
    # The first source is the main table; another needs its own words only where its reasons differ.
    who: dict[str, list[str]] = {}
    for reference in group:
        name = _column(results, reference) if reference.source == sources[0] else reference.source
        known = who.setdefault(reference.why, [])
        if name not in known and (reference.source == sources[0] or not known):
            known.append(name)
    return PaperTable(
        metric,
        tuple(sources),
        tuple(columns),
        tuple(
            (
                name,
                tuple(theirs.get((name, source)) for source in sources),
                tuple(ours.get((name, column)) for column in columns),
            )
            for name in names
        ),
        {listing(names_): why for why, names_ in who.items()},
    )


def _column(results: Results, reference: Reference) -> str:
    assert reference.arm is not None
    if reference.source == PRINTOUT:
        return "The listing, scored as the paper did"
    dataset = results.datasets.get(reference.dataset or "")
    arm = dataset.arms.get(reference.arm) if dataset else None
    return arm.title if arm else reference.arm
