"""What synthetic images are worth against epsilon, with real images as a line."""

from __future__ import annotations

from tff_health.reporting.figures.epsilon_curves import EpsilonPanel, draw_epsilon_curves
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.guarantee import shared_terms
from tff_health.reporting.images.arms import (
    headline,
    plain_generators,
    private_generators,
    real_metric,
    speaking_classifier,
    worth_metric,
)
from tff_health.reporting.images.budgets import image_budgets, image_cost, image_winners
from tff_health.reporting.images.labels import image_classifier_label
from tff_health.reporting.privacy_curve import privacy_curves
from tff_health.reporting.record import RunRecord
from tff_health.reporting.results import Metric

_RATIO = "fd_clf/ratio"


@register_figure("images-epsilon", "Synthetic images’ worth against epsilon", section="images")
def images_epsilon(record: RunRecord) -> Drawing | None:
    """AUC and accuracy of the speaking classifier, and FD-clf over its floor, by epsilon."""
    dataset = record.dataset
    shown = {**plain_generators(dataset), **private_generators(dataset)}
    curves = privacy_curves(dataset.model_copy(update={"arms": shown}))
    if not curves:
        return None
    who = image_classifier_label(speaking_classifier(dataset))
    panels = [
        EpsilonPanel(f"{label}: {who} trained on synthetic, tested on real images", name, real_metric(dataset, name))
        for label, name in (("AUC", worth_metric(dataset, "auc")), ("Accuracy", worth_metric(dataset, "accuracy")))
    ]
    if any(dataset.arms[name].metric(_RATIO).value is not None for curve in curves for name in curve.arms):
        panels.append(EpsilonPanel("FD-clf over its floor (lower is nearer to real images)", _RATIO, Metric(value=1.0)))
    figure = draw_epsilon_curves(dataset, curves, panels, real_label="Real images", best=headline(dataset))
    found = image_budgets(dataset)
    terms = shared_terms(dataset.arms[name] for curve in curves for name in curve.arms)
    words = (image_winners(dataset, found), image_cost(dataset, found), "Bars are 95 % intervals.", terms)
    caption = " ".join(filter(None, words))
    return Drawing(figure, caption, f"Line charts against epsilon. {caption}")
