"""From the finished cells of a study to one results.json, in the schema of a single run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from data.errors import TffHealthError
from tff_health.experiments.run_folder import ledger_file
from tff_health.experiments.studies.code_record import mixture_note
from tff_health.experiments.studies.differences import arm_comparisons, difference_sentences
from tff_health.experiments.studies.folder import cell_folder, is_finished, read_study
from tff_health.experiments.studies.merged_arm import merge_arms, merge_attack
from tff_health.experiments.studies.plan import plan_study
from tff_health.experiments.studies.spending import study_totals
from tff_health.reporting.paper import compare
from tff_health.reporting.peers import compare_with_peers
from tff_health.reporting.results import DatasetResult, Results, Selection, load_results
from tff_health.runtime.environment import describe_environment


class NoCellsError(TffHealthError):
    """Nothing of a study has finished."""

    exit_code = 2


def study_results(folder: Path, command: str = "") -> Results:
    """What all finished cells of a study found together.

    A metric's value is the mean over cells, its interval Student's t over cells, `seeds` the cells' own values in the
    order of the seeds, and `n` the held-out patients of one cell.

    Args:
        folder: the study folder.
        command: what the report names as the command to make it again.

    Raises:
        NoCellsError: no cell has finished.
        TffHealthError: the folder or a cell cannot be read.
    """
    study = read_study(folder)
    plan = plan_study(study, str(folder), whole=True)
    cells = [cell for cell in plan.cells if is_finished(folder, cell)]
    if not cells:
        raise NoCellsError(f"{folder}: no cell of the study has finished yet.")
    whole = {cell.name: load_results(cell_folder(folder, cell) / "results.json") for cell in cells}
    finished = {name: [cell for cell in own if cell.name in whole] for name, own in plan.datasets.items()}
    finished = {name: own for name, own in finished.items() if own}
    # A cell that was begun has released something too, and its models lie in its folder.
    begun = {
        name: [cell for cell in plan.datasets[name] if ledger_file(cell_folder(folder, cell), name).exists()]
        for name in plan.datasets
    }
    begun = {name: own or finished.get(name, []) for name, own in begun.items()}
    totals = study_totals(folder, {name: own for name, own in begun.items() if own})
    datasets = {}
    for name, own in finished.items():
        merged = merge_datasets(
            [whole[cell.name].datasets[name] for cell in own], [cell.seed for cell in own], study.reference
        )
        merged.ledger = totals[name]
        merged.notes = [*mixture_note(folder), *merged.notes]
        missing = len(plan.datasets[name]) - len(own)
        if missing:
            merged.notes.insert(0, f"{missing} of {len(plan.datasets[name])} cells have not finished and are left out.")
        datasets[name] = merged
    _distinguish(datasets)
    results = Results(
        experiment=study.study,
        title=study.title,
        question=study.question,
        datasets=datasets,
        environment=describe_environment(),
        seeds={name: [cell.seed for cell in own] for name, own in finished.items()},
        seconds=sum(whole[cell.name].seconds or 0.0 for cell in cells),
        started=min(whole[cell.name].started for cell in cells),
        command=command,
    )
    results.references = [*compare(results), *compare_with_peers(results)]
    return results


def merge_datasets(parts: Sequence[DatasetResult], seeds: Sequence[int], reference: str | None = None) -> DatasetResult:
    """One dataset over its cells.

    Args:
        parts: each cell's results, in the order of the seeds.
        seeds: of the cells.
        reference: the arm that others are compared with; None for the one that speaks for federation.
    """
    first = parts[0]
    names = [name for name in first.arms if all(name in part.arms for part in parts)]
    arms = {name: merge_arms([part.arms[name] for part in parts]) for name in names}
    controls = [part.membership_control for part in parts if part.membership_control]
    merged = DatasetResult(
        title=first.title,
        kind=first.kind,
        source=first.source,
        licence=first.licence,
        unit=first.unit,
        target=first.target,
        positive=first.positive,
        partition=first.partition,
        protocol=first.protocol,
        preprocessing=_shared(parts, lambda part: part.preprocessing),
        private_preprocessing=_shared(parts, lambda part: part.private_preprocessing),
        selection=_selection(parts),
        hospitals=first.hospitals,
        arms=arms,
        membership_control={
            name: merge_attack([control[name] for control in controls if name in control])
            for name in dict.fromkeys(name for control in controls for name in control)
        },
    )
    merged.comparisons = arm_comparisons(merged, reference)
    merged.notes = [*_notes(parts, seeds), *_shared(parts, lambda part: part.notes), *difference_sentences(merged)]
    return merged


def _notes(parts: Sequence[DatasetResult], seeds: Sequence[int]) -> list[str]:
    listed = _ranges(seeds)
    if len(parts) == 1:
        return [f"One cell, seed {seeds[0]}: there are no intervals over cells."]
    counts = {metric.n for part in parts for arm in part.arms.values() if (metric := arm.metric("test/accuracy")).n}
    held_out = str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}" if counts else "no"
    return [
        f"Values are means over {len(parts)} cells, seeds {listed}: each trains every arm anew from its own initial "
        "weights and, where the dataset is split by seed, on its own split. Intervals (95 %) are Student's t over "
        "cells. Splits of the same patients overlap, so an interval says how far the mean depends on the split, not "
        "how well other patients would be classified.",
        f"Each cell has {held_out} held-out patients; counts by hospital and the words on the split are those of seed "
        f"{seeds[0]}.",
    ]


def _ranges(seeds: Sequence[int]) -> str:
    """`1 to 40, 50`: what a sentence can carry of many seeds."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)


def _shared(parts: Sequence[DatasetResult], of: Callable[[DatasetResult], list[str]]) -> list[str]:
    """Sentences of all cells alike; those that differ between cells stand in the cells' own reports."""
    return [line for line in of(parts[0]) if all(line in of(part) for part in parts)]


def _selection(parts: Sequence[DatasetResult]) -> Selection | None:
    found = [part.selection for part in parts if part.selection]
    if not found:
        return None
    votes = Counter(selection.best_arm for selection in found if selection.best_arm)
    if not votes:
        return Selection(on=found[0].on, criterion=found[0].criterion)
    best, count = votes.most_common(1)[0]
    chosen = f"; in each cell anew, and {best} was chosen in {count} of {len(found)}"
    return Selection(on=f"{found[0].on}{chosen}", criterion=found[0].criterion, best_arm=best)


def _distinguish(datasets: dict[str, DatasetResult]) -> None:
    """Two protocols on the same patients have the same title; their names tell them apart."""
    titles = Counter(dataset.title for dataset in datasets.values())
    for name, dataset in datasets.items():
        if titles[dataset.title] > 1:
            dataset.title = f"{dataset.title} ({name})"
