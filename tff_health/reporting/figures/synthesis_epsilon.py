"""Accuracy and AUC of classifiers trained on synthetic rows, against epsilon."""

from __future__ import annotations

from tff_health.reporting.figures.epsilon_curves import EpsilonPanel, draw_epsilon_curves
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.guarantee import shared_terms
from tff_health.reporting.privacy_curve import privacy_curves
from tff_health.reporting.record import RunRecord
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    headline,
    plain_synthesisers,
    private_synthesisers,
    real_metric,
)
from tff_health.reporting.synthesis.budgets import budgets, gan_sentence, winners_sentence


@register_figure("synthesis-epsilon", "Synthetic patients' worth against epsilon", section="synthesis")
def synthesis_epsilon(record: RunRecord) -> Drawing | None:
    """Mean accuracy and AUC by epsilon for every synthesiser with two epsilons or more, beside real rows."""
    dataset = record.dataset
    shown = {**plain_synthesisers(dataset), **private_synthesisers(dataset)}
    curves = privacy_curves(dataset.model_copy(update={"arms": shown}))
    if not curves:
        return None
    panels = [
        EpsilonPanel(f"{title} on held-out real patients", metric, real_metric(dataset, metric))
        for metric, title in ((MEAN_ACCURACY, "Accuracy"), (MEAN_AUC, "AUC"))
    ]
    figure = draw_epsilon_curves(dataset, curves, panels, real_label="Real rows", best=headline(dataset))
    found = budgets(dataset)
    terms = shared_terms(dataset.arms[name] for curve in curves for name in curve.arms)
    caption = " ".join(filter(None, (winners_sentence(found), gan_sentence(found), "Bars are 95 % intervals.", terms)))
    return Drawing(figure, caption, f"Line charts of mean accuracy and AUC against epsilon. {caption}")
