"""From finished cells to the document model of results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.image_federation import ImageFederation
from tff_health.experiments.aggregator_statement import synthesizer_claim
from tff_health.experiments.apart.image_federation import HeldImageFederation
from tff_health.experiments.cost_meter import COST_FACTS
from tff_health.experiments.generators.arm_plan import plan_arm
from tff_health.experiments.generators.cells import Cell, Values, history_point, merged_metrics
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.generators.lost_rounds import lost_rounds
from tff_health.experiments.generators.membership import membership_metrics, merged_attacks
from tff_health.experiments.generators.privacy import arm_privacy, ledger_totals
from tff_health.experiments.generators.secure_sums import secure_sum_notes
from tff_health.experiments.images.cleaning_pictures import was_cleaned
from tff_health.experiments.images.notes import evaluation_notes
from tff_health.experiments.images.privacy import WORDING
from tff_health.experiments.images.settings import ImagesArm, ImagesSettings
from tff_health.experiments.images.workload import REAL
from tff_health.privacy.generator_attacks.image_membership import ATTACKS
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.trust import SecureAggregation
from tff_health.reporting.images_document import ArmImages, DatasetImages
from tff_health.reporting.results import Arm, DatasetResult, HospitalCounts, Metric
from tff_health.reporting.synthesis_document import Purpose
from tff_health.synthesis.images.catalogue import IMAGE_SYNTHESIZERS

_PLAIN_SUMS = "the counts of classes that its labels are drawn by"
_SHARES = ("accuracy", "auc", "precision", "recall", "coverage", "dcr_share", "copies", "copies_holdout")


def images_dataset_result(
    settings: ImagesSettings,
    name: str,
    federation: ImageFederation | HeldImageFederation,
    cells: Sequence[Cell],
    ledger: PrivacyLedger,
    *,
    hiding: SecureAggregation = "simulated",
) -> DatasetResult:
    """The results of one dataset.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        federation: its hospitals.
        cells: all of them.
        ledger: of the dataset.
        hiding: whether secure sums are simulated, or masked by hospitals that are apart.

    Raises:
        LedgerError: a cell that no entry stands behind.
    """
    by_label: dict[str, list[Cell]] = {}
    for cell in cells:
        require_entry(ledger, name, cell.label, cell.repeat, "seed")
        by_label.setdefault(cell.label, []).append(cell)
    real, task = by_label.pop(REAL), settings.datasets[name]
    seeds, chosen = settings.seeds_of(name), settings.evaluation_of(name)
    counts, held_out = federation.training_images, federation.held_out
    return DatasetResult(
        title=task.title or federation.title,
        kind=federation.kind,
        source=federation.source,
        licence=federation.licence,
        unit="image",
        positive=federation.classes[1],
        protocol=federation.protocol,
        notes=list(federation.notes),
        hospitals=_hospitals(federation),
        arms={
            label: _arm(settings, name, label, found, counts, held_out, ledger, hiding)
            for label, found in by_label.items()
        },
        images=DatasetImages(
            size=federation.size,
            classes=list(federation.classes),
            classifiers=list(chosen.classifiers),
            seeds=seeds,
            images=sum(counts.values()),
            test_images=held_out,
            cleaned=was_cleaned(task.source or name, task.options),
            real_metrics=_metrics(real, seeds, held_out),
            pictures=str(real[0].document.get("pictures", "")),
            notes=evaluation_notes(settings, name, federation),
        ),
        ledger=ledger_totals(settings.datasets, name, ledger, seeds, WORDING),
    )


def _arm(
    settings: ImagesSettings,
    name: str,
    label: str,
    cells: Sequence[Cell],
    counts: Mapping[str, int],
    held_out: int,
    ledger: PrivacyLedger,
    hiding: SecureAggregation,
) -> Arm:
    arm, part = settings.datasets[name].arms[label.split("/")[0]], label.partition("/")[2]
    first = cells[0].document
    facts = first.get("facts", {})
    plan = plan_arm(arm, counts)
    shared = arm.privacy is not None and arm.privacy.placement == "shared"
    seconds = [float(cell.document["seconds"]) for cell in cells]
    cost: dict[str, Any] = {"seconds": sum(seconds) / len(seconds)}
    cost |= {key: facts[key] for key in COST_FACTS if key in facts}
    purpose: Purpose | None = None if arm.role == "arm" else arm.role
    attacks = merged_attacks([cell.document.get("attacks", {}) for cell in cells], "seed")
    secure = secure_sum_notes(arm.options, _PLAIN_SUMS if arm.method == "dcgan" else "", hiding)
    return Arm(
        title=f"{part} alone" if part else arm.title or label,
        description="; ".join((_description(arm), *secure)),
        federated=arm.data == "federation",
        settings={"method": arm.method, "data": arm.data, **arm.options},
        metrics=_metrics(cells, settings.seeds_of(name), held_out) | membership_metrics(attacks, ATTACKS[0]),
        membership=attacks,
        privacy=arm_privacy(name, label, plan, counts, ledger, WORDING, hiding=hiding) if arm.privacy else None,
        aggregator_claim=synthesizer_claim(plan.synthesizer) if arm.data == "federation" else None,
        secure_aggregation=hiding if shared or secure else "none",
        cost=cost,
        images=ArmImages(
            kind=str(first["kind"]),
            purpose="own-generator" if part else purpose,
            updates=int(facts.get("updates", 0)),
            images=int(first["images"]),
            history=[history_point(point) for point in first.get("history", ())],
            pictures=str(first.get("pictures", "")),
            notes=sorted(
                {*secure, *_few(arm), *lost_rounds(cells), *(note for cell in cells for note in cell.document["notes"])}
            ),
        ),
    )


def _description(arm: ImagesArm) -> str:
    text = IMAGE_SYNTHESIZERS[arm.method][1] if arm.method in IMAGE_SYNTHESIZERS else f"the user's own {arm.method}"
    who = {"federation": "fitted across hospitals", "pooled": "fitted on all images in one place"}
    return "; ".join([f"{text}; {who.get(arm.data, 'fitted by each hospital on its own images')}", *_few(arm)])


def _few(arm: ImagesArm) -> list[str]:
    return [f"trained on {arm.images:,} images only"] if arm.images else []


def _hospitals(federation: ImageFederation | HeldImageFederation) -> dict[str, HospitalCounts]:
    """Training images by hospital."""
    positive = federation.positive_images
    return {
        name: HospitalCounts(train=count, test=0, train_positive=positive[name], test_positive=0)
        for name, count in federation.training_images.items()
    }


def _metrics(cells: Sequence[Cell], seeds: int, held_out: int) -> dict[str, Metric]:
    return merged_metrics(cells, seeds, held_out=held_out, is_share=_is_share)


def _is_share(name: str, values: Values) -> bool:
    """Whether a metric lies between 0 and 1, which a t interval over few seeds does not know."""
    return name.startswith("duplicates/") or name.split("/")[-1].endswith(_SHARES)
