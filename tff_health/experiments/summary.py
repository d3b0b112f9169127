"""The last lines of a run: where the report is and what it says."""

from __future__ import annotations

from collections.abc import Mapping

from tff_health.experiments.run import RunOutcome
from tff_health.reporting.results import DatasetResult, Metric


def headline(outcome: RunOutcome) -> str:
    """One line per dataset and the report's place, for the terminal."""
    lines = []
    for name, dataset in outcome.results.datasets.items():
        if dataset.synthesis is not None:
            lines.append(_synthesis_line(name, dataset))
            continue
        if dataset.images is not None:
            lines.append(_images_line(name, dataset))
            continue
        best = dataset.headline_arm
        shown = ["alone", "pooled", best] if best else ["alone", "pooled"]
        if "paper-listing" in dataset.arms:
            shown = ["paper-listing", *shown]
        figures = [
            f"{arm} {_value(dataset.arms[arm].metric('test/accuracy'))}/{_value(dataset.arms[arm].metric('test/auc'))}"
            for arm in shown
            if arm in dataset.arms
        ]
        lines.append(f"{name}, held-out accuracy/AUC: " + ", ".join(figures))
    lines.append(f"Done in {outcome.seconds:.0f} s.")
    return "\n".join([*lines, f"Report: {outcome.report}"])


def _synthesis_line(name: str, dataset: DatasetResult) -> str:
    assert dataset.synthesis is not None
    real = dataset.synthesis.real_metrics
    trained, family = "real rows", "trtr/mean"
    if f"{family}/auc" not in real:  # hospitals that are apart train one classifier together
        trained, family = "logistic regression on real rows across hospitals", "trtr/federated"
    known = [_value(real.get(f"{family}/{measure}", Metric())) for measure in ("accuracy", "auc")]
    figures = [f"{trained} {'/'.join(known)}"]
    figures += [
        f"{label} {_value(arm.metric('tstr/mean/accuracy'))}/{_value(arm.metric('tstr/mean/auc'))}"
        for label, arm in dataset.arms.items()
        if "/" not in label
    ]
    return f"{name}, mean accuracy/AUC of seven classifiers on held-out patients: " + ", ".join(figures)


def _images_line(name: str, dataset: DatasetResult) -> str:
    assert dataset.images is not None

    def figures(metrics: Mapping[str, Metric], family: str) -> str:
        found = [metrics.get(f"{family}/mean/{measure}", Metric()) for measure in ("accuracy", "auc")]
        return "/".join(map(_value, found))

    shown = [f"real images {figures(dataset.images.real_metrics, 'trtr')}"]
    for label, arm in dataset.arms.items():
        if "/" not in label:
            distance = arm.metric("fd_clf/ratio")
            ratio = "" if distance.value is None else f", FD-clf {distance.value:.1f} times its floor"
            shown.append(f"{label} {figures(arm.metrics, 'tstr')}{ratio}")
    return f"{name}, mean accuracy/AUC of classifiers on test images: " + "; ".join(shown)


def _value(metric: Metric) -> str:
    return "-" if metric.value is None else f"{metric.value:.3f}"
