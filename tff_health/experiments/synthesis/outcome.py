"""From finished cells to the document model of results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.federation import Federation
from tff_health.evaluation.anonymity.metrics import RECURSIVE_C, SMALL_CLASS
from tff_health.evaluation.anonymity.quasi_identifiers import quasi_identifiers
from tff_health.evaluation.synthesis.classifiers import CLASSIFIERS
from tff_health.experiments.aggregator_statement import synthesizer_claim
from tff_health.experiments.apart.federation import HeldFederation
from tff_health.experiments.cost_meter import COST_FACTS
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.generators.cells import Cell, history_point, merged_metrics
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.generators.lost_rounds import lost_rounds
from tff_health.experiments.generators.membership import membership_metrics, merged_attacks
from tff_health.experiments.generators.secure_sums import secure_sum_notes
from tff_health.experiments.synthesis.comparison import (
    column_comparisons,
    column_summaries,
    first_patients,
    table_correlation,
)
from tff_health.experiments.synthesis.notes import evaluation_notes
from tff_health.experiments.synthesis.privacy import arm_privacy, ledger_totals
from tff_health.experiments.synthesis.settings import SynthesisArm, SynthesisSettings
from tff_health.privacy.generator_attacks.attacks import DEFAULT_ATTACKS
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.trust import SecureAggregation
from tff_health.reporting.hospital_counts import hospital_counts
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis_document import ArmSynthesis, DatasetSynthesis, Purpose
from tff_health.synthesis.catalogue import SYNTHESIZERS

_SHARE_ENDINGS = (
    *("accuracy", "auc", "precision", "recall", "_share", "coverage", "covered", "duplicates"),
    *("copies", "copies_holdout", "nndr", "nndr_holdout"),
)
# Shares and distances of at most 1 whose names do not tell.
_SHARES = ("anonymity/t", "anonymity/k_map_unmatched", "disclosure/dcr_median", "disclosure/dcr_median_holdout")


def dataset_result(
    settings: SynthesisSettings,
    name: str,
    federation: Federation | HeldFederation,
    cells: Sequence[Cell],
    ledger: PrivacyLedger,
    *,
    hiding: SecureAggregation = "simulated",
) -> DatasetResult:
    """The results of one dataset.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        federation: of the first split.
        cells: all of them.
        ledger: of the dataset.
        hiding: whether secure sums are simulated, or masked by hospitals that are apart.

    Raises:
        LedgerError: a cell that no entry stands behind.
    """
    by_label: dict[str, list[Cell]] = {}
    for cell in cells:
        require_entry(ledger, name, cell.label, cell.repeat)
        by_label.setdefault(cell.label, []).append(cell)
    real = by_label.pop("real")
    splits = settings.splits_of(name)
    arms = {
        label: _arm(settings, name, label, found, federation, ledger, splits, hiding)
        for label, found in by_label.items()
    }
    first = real[0].document
    known = quasi_identifiers(federation.schema)
    synthesis = DatasetSynthesis(
        classifiers=list(CLASSIFIERS),
        splits=splits,
        rows=int(first["rows"]),
        test_rows=int(first["test_rows"]),
        columns=column_summaries(first["table"]),
        correlation=table_correlation(first["table"]),
        quasi_identifiers=list(known.names),
        quasi_identifier_rules=known.descriptions,
        small_class=SMALL_CLASS,
        recursive_c=RECURSIVE_C,
        real_metrics=_metrics(real, splits),
        notes=[*evaluation_notes(settings, name, federation, arms), *_federated_only(first["metrics"])],
    )
    return DatasetResult(
        title=settings.datasets[name].title or federation.title,
        kind=federation.kind,
        source=federation.source,
        licence=federation.licence,
        target=federation.schema.target,
        positive=federation.schema.positive_label,
        protocol=federation.protocol,
        notes=list(federation.notes),
        hospitals=hospital_counts(federation.sizes),
        arms=arms,
        membership_control=merged_attacks([first.get("control", {})]),
        synthesis=synthesis,
        ledger=ledger_totals(settings, name, ledger),
    )


def _arm(
    settings: SynthesisSettings,
    name: str,
    label: str,
    cells: Sequence[Cell],
    federation: Federation | HeldFederation,
    ledger: PrivacyLedger,
    splits: int,
    hiding: SecureAggregation,
) -> Arm:
    arm = settings.datasets[name].arms[label.split("/")[0]]
    first = cells[0].document
    facts = first.get("facts", {})
    rows = federation.training_rows
    secure = secure_sum_notes(arm.options, "", hiding)
    plan = plan_arm(arm, rows)
    shared = arm.privacy is not None and arm.privacy.placement == "shared"
    part = label.partition("/")[2]
    seconds = [float(cell.document["seconds"]) for cell in cells]
    cost: dict[str, Any] = {"seconds": sum(seconds) / len(seconds)}
    cost |= {key: facts[key] for key in (*COST_FACTS, "updates_per_second") if key in facts}
    purpose: Purpose | None = None if arm.role == "arm" else arm.role
    attacks = merged_attacks([cell.document.get("attacks", {}) for cell in cells])
    return Arm(
        title=f"{part} alone" if part else arm.title or label,
        description="; ".join((_description(arm), *secure)),
        federated=arm.data == "federation",
        settings={"method": arm.method, "data": arm.data, **arm.options},
        metrics=_metrics(cells, splits) | membership_metrics(attacks, DEFAULT_ATTACKS[0]),
        membership=attacks,
        privacy=arm_privacy(name, label, plan, rows, ledger, hiding=hiding) if arm.privacy else None,
        aggregator_claim=synthesizer_claim(plan.synthesizer) if arm.data == "federation" else None,
        secure_aggregation=hiding if shared or secure else "none",
        cost=cost,
        synthesis=ArmSynthesis(
            kind=str(first["kind"]),
            purpose="own-generator" if part else purpose,
            updates=int(facts.get("updates", 0)),
            rows=int(first["rows"]),
            columns=column_comparisons(first["comparison"]),
            summaries=column_summaries(first["table"]),
            correlation=table_correlation(first["table"]),
            history=[history_point(point) for point in first.get("history", ())],
            sample=first_patients(first["sample"]),
            notes=sorted(
                {
                    *secure,
                    *lost_rounds(cells),
                    *(note for cell in cells for note in cell.document.get("notes", ())),
                }
            ),
        ),
    )


def _federated_only(real: Mapping[str, float | None]) -> list[str]:
    """The only classifier on real rows where hospitals keep them, in one sentence; none where there are others."""
    if "trtr/mean/auc" in real or real.get("trtr/federated/auc") is None:
        return []
    return [
        "On real rows the seven classifiers cannot be trained, as no party has them; a logistic regression that the "
        f"hospitals train together by five rounds of FedAvg has accuracy {real['trtr/federated/accuracy']:.3f} and AUC "
        f"{real['trtr/federated/auc']:.3f} on the same held-out patients."
    ]


def _description(arm: SynthesisArm) -> str:
    text = SYNTHESIZERS[arm.method][1] if arm.method in SYNTHESIZERS else f"the user's own {arm.method}"
    who = {"federation": "fitted across hospitals", "pooled": "fitted on all rows in one place"}
    return f"{text}; {who.get(arm.data, 'fitted by each hospital on its own rows')}"


def _metrics(cells: Sequence[Cell], splits: int) -> dict[str, Metric]:
    """Means over splits with t intervals; where there is one split, the interval that was measured within it."""
    held_out = int(cells[0].document.get("test_rows", 0))
    return merged_metrics(cells, splits, held_out=held_out, is_share=_is_share)


def _is_share(name: str, seeds: Sequence[float | None]) -> bool:
    """Whether a metric lies between 0 and 1, which a t interval over few splits does not know."""
    if any(value is not None and not 0 <= value <= 1 for value in seeds):
        return False  # a user's measure of a name like those below
    family, last = name.split("/")[0], name.split("/")[-1]
    if family in ("fidelity", "detection", "membership") or name in _SHARES:
        return True
    return last.endswith(_SHARE_ENDINGS)
