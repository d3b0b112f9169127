"""Fig. 10 of P1 against this run: what was measured of accuracy by epsilon, and why the paper's curve cannot be."""

from __future__ import annotations

import math

from tff_health.reporting.formatting import interval, listing, number
from tff_health.reporting.guarantee import epsilon_of, private_arms, shared_terms, terms, upper
from tff_health.reporting.privacy_curve import PrivacyCurve, privacy_curves
from tff_health.reporting.results import Arm, DatasetResult, Reference, Results

FIGURE_10_ACCURACY = {0.1: 0.80, 0.5: 0.60}
"""Epsilon -> accuracy."""

IMPOSSIBLE = (
    "A larger epsilon permits less noise, and a mechanism can always add noise itself, so the best accuracy cannot "
    "fall as epsilon grows"
)
_NOT_MEASURED = f"Not measured in this run. {IMPOSSIBLE}, as the paper draws it."
# Epsilons of calibrated noise lie a little under their target.
_NEAR = 0.05


def curve_words(dataset: DatasetResult, curve: PrivacyCurve) -> str:
    """Accuracy along a curve with intervals, the end without noise, and the direction in words."""
    points = [
        f"{interval(dataset.arms[name].metric('test/accuracy'))} at epsilon {upper(epsilon_of(dataset.arms[name]))}"
        for name in curve.arms
    ]
    if curve.counterpart:
        end = dataset.arms[curve.counterpart]
        points.append(f"{interval(end.metric('test/accuracy'))} without a guarantee ({end.title})")
    way = direction(dataset, curve)
    return f"{curve.label}: accuracy {listing(points)}{f', which {way}' if way else ''}"


def direction(dataset: DatasetResult, curve: PrivacyCurve) -> str:
    """Whether accuracy rises from the smallest to the largest epsilon, judged by intervals; empty for one point."""
    first, last = (dataset.arms[curve.arms[place]].metric("test/accuracy") for place in (0, -1))
    if len(curve.arms) < 2 or first.value is None or last.value is None:
        return ""
    if first.low is None or first.high is None or last.low is None or last.high is None:
        return "rises with epsilon" if last.value > first.value else "does not rise with epsilon (no intervals)"
    if last.low > first.high:
        return "rises with epsilon beyond the intervals"
    if last.high < first.low:
        return "falls with epsilon beyond the intervals: a flaw of these settings, not of privacy"
    return "shows no clear change with epsilon (the intervals overlap)"


def measured(results: Results) -> str:
    """All that this run measured of accuracy by epsilon, with the terms of its epsilons."""
    found = []
    for dataset in results.datasets.values():
        arms = private_arms(dataset)
        curves = privacy_curves(dataset)
        drawn = {name for curve in curves for name in curve.arms}
        parts = [curve_words(dataset, curve) for curve in curves]
        parts += [
            f"{arm.title}: accuracy {interval(arm.metric('test/accuracy'))} at epsilon {upper(epsilon_of(arm))}"
            for name, arm in arms.items()
            if name not in drawn
        ]
        if parts:
            found.append(f"{dataset.title}: {'; '.join(parts)}. {shared_terms(arms.values())}")
    return " ".join(found) or "Not measured: no arm of this run is private, so there is no curve to set against it yet."


def references(results: Results) -> list[Reference]:
    """The two points of Fig. 10 beside ours: at the same epsilon where this run has it."""
    place = _dataset(results)
    dataset = results.datasets[place] if place else None
    arms = {epsilon: _nearest(dataset, epsilon) if dataset else None for epsilon in FIGURE_10_ACCURACY}
    why = _why(dataset) if dataset else _NOT_MEASURED
    rows = []
    for epsilon, theirs in FIGURE_10_ACCURACY.items():
        name = arms[epsilon]
        rows.append(
            Reference(
                source="P1 Fig. 10",
                row=f"epsilon {epsilon:g}",
                metric="accuracy",
                theirs=theirs,
                ours=dataset.arms[name].metric("test/accuracy").value if dataset and name else None,
                arm=name,
                dataset=place if name else None,
                why=why,
            )
        )
    return rows


def _dataset(results: Results) -> str | None:
    """The dataset to hold against the figure: patient-level arms and real patients first."""
    candidates = [name for name, dataset in results.datasets.items() if private_arms(dataset)]
    return max(candidates, key=lambda name: _rank(results.datasets[name]), default=None)


def _rank(dataset: DatasetResult) -> tuple[bool, bool, bool]:
    shared = any(_nearest(dataset, epsilon) for epsilon in FIGURE_10_ACCURACY)
    return dataset.kind == "real", shared, any(_unit(arm) == "patient" for arm in private_arms(dataset).values())


def _unit(arm: Arm) -> str:
    return arm.privacy.unit if arm.privacy else ""


def _nearest(dataset: DatasetResult, epsilon: float) -> str | None:
    """The arm at this epsilon, patient-level first; None where no arm lies within a few per cent of it."""
    fitting = {
        name: arm
        for name, arm in private_arms(dataset).items()
        if abs(math.log(max(epsilon_of(arm), 1e-12) / epsilon)) < _NEAR
    }
    ordered = sorted(fitting, key=lambda name: _unit(fitting[name]) != "patient")
    return ordered[0] if ordered else None


def _why(dataset: DatasetResult) -> str:
    arms = private_arms(dataset)
    curves = privacy_curves(dataset)
    if curves:
        said = curve_words(dataset, curves[0])
        rests = shared_terms(arms[name] for name in curves[0].arms)
    else:
        arm = next(iter(arms.values()))
        assert arm.privacy is not None
        accuracy = number(arm.metric("test/accuracy").value)
        said = f"{arm.title}: accuracy {accuracy} at epsilon {upper(epsilon_of(arm))}"
        rests = f"This epsilon rests on {terms(arm.privacy)}."
    return f"Measured on {dataset.title}. {said}. {IMPOSSIBLE}; the paper's listing adds no noise at all. {rests}"
