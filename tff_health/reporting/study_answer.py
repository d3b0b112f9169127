"""What a study found, in sentences: its arms against the reference, and what epsilon does to a classifier."""

from __future__ import annotations

from tff_health.reporting.answer import Verdict
from tff_health.reporting.comparison import paired_difference
from tff_health.reporting.formatting import interval, listing, number, signed
from tff_health.reporting.guarantee import epsilon_of, shared_terms, upper
from tff_health.reporting.privacy_curve import PrivacyCurve, privacy_curves
from tff_health.reporting.record import Run, RunRecord
from tff_health.reporting.results import Arm, ArmComparison, DatasetResult

_METRIC = "test/auc"
_SHOWN = 0.05  # corrected p-values below this are called a difference


def is_study_answer(run: Run, found: list[Verdict]) -> bool:
    """Whether the run is a study that says nothing of joining, but something else."""
    return all(verdict.outcome == "unknown" for verdict in found) and bool(study_answer(run))


def study_answer(run: Run) -> list[str]:
    """A paragraph for every dataset of a study that compares arms or sweeps epsilon; empty for other runs.

    The last one says what the epsilons rest on, where there are any.
    """
    paragraphs: list[str] = []
    swept: list[Arm] = []
    for name, dataset in run.results.datasets.items():
        if not isinstance(run.results.seeds.get(name), list):
            continue
        curves = [curve for curve in privacy_curves(dataset) if _is_swept(dataset, curve)]
        along = [_curve_sentence(run.record(name), curve) for curve in curves]
        swept += [dataset.arms[arm] for curve in curves for arm in curve.arms]
        sentences = [*_against_reference(dataset), *along]
        if sentences:
            paragraphs.append(f"{dataset.title} ({dataset.kind}): {' '.join(sentences)}")
    return [*paragraphs, *([shared_terms(swept)] if swept else [])]


def _against_reference(dataset: DatasetResult) -> list[str]:
    pairs = [one for one in dataset.comparisons if one.metric == "auc"]
    if not pairs:
        return []
    groups: dict[str, list[ArmComparison]] = {"better": [], "worse": [], "level": []}
    for one in pairs:
        shown = one.p_corrected is not None and one.p_corrected < _SHOWN and one.difference.value is not None
        groups["level" if not shown else "better" if (one.difference.value or 0) > 0 else "worse"].append(one)
    reference = dataset.arms[pairs[0].against]
    parts = []
    if groups["better"]:
        parts.append(f"better are {listing([_gap(dataset, one) for one in groups['better']])}")
    if groups["worse"]:
        parts.append(f"worse are {listing([_gap(dataset, one) for one in groups['worse']])}")
    if groups["level"]:
        parts.append(f"no difference is shown for {listing([_gap(dataset, one) for one in groups['level']])}")
    cells = max(one.difference.n for one in pairs)
    return [
        f"Against {reference.title}, AUC {interval(reference.metric(_METRIC))}, over {cells} pairs of cells: "
        f"{'; '.join(parts)}."
    ]


def _gap(dataset: DatasetResult, one: ArmComparison) -> str:
    value = one.difference.value
    return f"{dataset.arms[one.arm].title}{f' ({signed(value)})' if value is not None else ''}"


def _is_swept(dataset: DatasetResult, curve: PrivacyCurve) -> bool:
    """Whether its ends have different epsilons: arms that differ in something else come as curves too."""
    ends = {upper(epsilon_of(dataset.arms[name])) for name in (curve.arms[0], curve.arms[-1])}
    return len(ends) > 1


def _curve_sentence(record: RunRecord, curve: PrivacyCurve) -> str:
    arms = record.dataset.arms
    first, last = curve.arms[0], curve.arms[-1]
    values = [
        f"{interval(arms[name].metric(_METRIC))} at epsilon {upper(epsilon_of(arms[name]))}" for name in (first, last)
    ]
    change = paired_difference(record, last, first, "auc")
    if change is None:
        word = "goes"
    else:
        word = {"better": "rises", "worse": "falls", "unclear": "shows no clear change"}[change.outcome]
    text = f"As epsilon per {curve.unit} grows, AUC of {curve.label} {word} from {values[0]} to {values[1]}"
    if curve.counterpart is not None:
        plain = arms[curve.counterpart]
        text += f"; {plain.title}, without a guarantee, has {number(plain.metric(_METRIC).value)}"
    return f"{text}."
