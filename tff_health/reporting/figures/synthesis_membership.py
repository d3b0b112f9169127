"""Membership inference on every synthesiser, with the attack's own controls on top."""

from __future__ import annotations

from tff_health.reporting.figures.membership import membership_of
from tff_health.reporting.figures.registry import Drawing, register_figure
from tff_health.reporting.record import RunRecord
from tff_health.reporting.synthesis.views import privacy_record


@register_figure("synthesis-membership", "Membership inference from synthetic rows", section="synthesis")
def synthesis_membership(record: RunRecord) -> Drawing | None:
    """AUC with 95 % interval of every attack on every synthesiser; guessing is 0.5."""
    judged = privacy_record(record)
    return membership_of(judged, {name: arm for name, arm in judged.dataset.arms.items() if arm.synthesis is not None})
