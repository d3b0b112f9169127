"""A dataset's section on synthetic images, assembled for the template."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.guarantee import shared_terms
from tff_health.reporting.images.arms import all_image_arms, classifier_names, headline
from tff_health.reporting.images.budgets import (
    PrivateRow,
    image_budgets,
    image_cost,
    image_winners,
    measure_words,
    private_rows,
)
from tff_health.reporting.images.labels import image_classifier_label
from tff_health.reporting.images.likeness import collapse_sentence, image_attacker_sentences, likeness_sentence
from tff_health.reporting.images.references import Promise, concerns_images, image_references, promises
from tff_health.reporting.images.tables import (
    FIDELITY,
    MEMORISATION,
    CostRow,
    DiversityTable,
    cost_table,
    diversity_table,
    further_measures,
    measures,
)
from tff_health.reporting.images.utility import (
    ImageUtilityRow,
    ablation_sentence,
    added_sentences,
    classifier_tables,
    image_utility_rows,
)
from tff_health.reporting.paper_tables import PaperGroup, peer_groups
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.synthesis.measure_table import MeasureTable
from tff_health.reporting.synthesis.views import privacy_view


@dataclass(frozen=True)
class ImagesSection:
    """What the report says of a dataset's synthetic images.

    Attributes:
        dataset: as recorded, with all arms.
        headline: the arm without a guarantee that speaks for synthetic images.
        classifiers: their labels, in the order of tables.
        speaking: the figure that stands for an arm: `CNN AUC`.
        promises: P2's, each with what this run found.
        published: classifiers of others on the same images.
        utility: what the speaking classifier learns from each arm's images.
        remarks: sentences under that table.
        every_classifier: caption and table for each way of training.
        private: every private arm, then the one that they are held against.
        private_remarks: sentences on them.
        terms: what their epsilons rest on.
        fidelity: distances to real images.
        fidelity_remarks: sentences on them and on diversity.
        diversity: likeness within a class.
        memorisation: what is repeated, and the speaking membership attack.
        further: measures that stand in no other table.
        attacker: sentences on what attacks found.
        cost_labels: of the costs that were measured.
        costs: one row an arm.
        own_selection: whether what was selected are generators, no classifier standing beside them.
        arms: all that make images.
    """

    dataset: DatasetResult
    headline: str | None
    classifiers: list[str]
    speaking: str
    promises: list[Promise]
    published: list[PaperGroup]
    utility: list[ImageUtilityRow]
    remarks: list[str]
    every_classifier: list[tuple[str, MeasureTable]]
    private: list[PrivateRow]
    private_remarks: list[str]
    terms: str
    fidelity: MeasureTable | None
    fidelity_remarks: list[str]
    diversity: DiversityTable | None
    memorisation: MeasureTable | None
    further: list[MeasureTable]
    attacker: list[str]
    cost_labels: list[str]
    costs: list[CostRow]
    own_selection: bool
    arms: dict[str, Arm]


def images_sections(run: Run) -> dict[str, ImagesSection]:
    """A section for each dataset that has synthetic images, by name."""
    judged = privacy_view(run).results.datasets
    return {
        name: _section(run, name, dataset, judged[name])
        for name, dataset in run.results.datasets.items()
        if all_image_arms(dataset)
    }


def _section(run: Run, name: str, dataset: DatasetResult, judged: DatasetResult) -> ImagesSection:
    recorded = [one for one in run.results.references if concerns_images(one)]
    references = recorded or image_references(run.results)
    budgets = image_budgets(dataset)
    labels, costs = cost_table(dataset)
    arms = all_image_arms(dataset)
    return ImagesSection(
        dataset=dataset,
        headline=headline(dataset),
        classifiers=[image_classifier_label(one) for one in classifier_names(dataset)],
        speaking=measure_words(dataset),
        promises=promises(dataset),
        published=peer_groups([one for one in references if one.dataset == name]),
        utility=image_utility_rows(dataset),
        remarks=[line for line in (*added_sentences(dataset), ablation_sentence(dataset)) if line],
        every_classifier=classifier_tables(dataset),
        private=private_rows(dataset),
        private_remarks=[line for line in (image_winners(dataset, budgets), image_cost(dataset, budgets)) if line],
        terms=shared_terms(arms.values()),
        fidelity=measures(dataset, FIDELITY),
        fidelity_remarks=[line for line in (likeness_sentence(dataset), collapse_sentence(dataset)) if line],
        diversity=diversity_table(dataset),
        memorisation=measures(dataset, MEMORISATION),
        further=further_measures(dataset),
        attacker=image_attacker_sentences(dataset, judged),
        cost_labels=labels,
        costs=costs,
        own_selection=len(arms) == len(dataset.arms),
        arms=arms,
    )
