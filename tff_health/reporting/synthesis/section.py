"""A dataset's section on synthetic patients, assembled for the template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tff_health.reporting.guarantee import private_arms, shared_terms
from tff_health.reporting.images.budgets import image_budgets, image_cost
from tff_health.reporting.paper_tables import PaperGroup, peer_groups
from tff_health.reporting.protection import Protection, protection
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.synthesis.anonymity_rules import quasi_identifier_words
from tff_health.reporting.synthesis.arms import arms_for, headline, is_synthetic
from tff_health.reporting.synthesis.attackers import attacker_sentences
from tff_health.reporting.synthesis.budgets import Budget, budgets, cost_sentence, gan_sentence, winners_sentence
from tff_health.reporting.synthesis.labels import classifier_label
from tff_health.reporting.synthesis.own_generators import OwnTable, own_tables
from tff_health.reporting.synthesis.references import PEERS, concerns_synthesis, synthesis_references
from tff_health.reporting.synthesis.table_1 import ClassifierTable, classifier_names, classifier_table
from tff_health.reporting.synthesis.tables import (
    KEY_LIKENESS,
    KEY_PRIVACY,
    LIKENESS,
    PRIVACY,
    MeasureTable,
    key_table,
    measure_tables,
    measured_arms,
    other_prefixes,
)
from tff_health.reporting.synthesis.utility import (
    UtilityRow,
    ablation_sentence,
    augmentation_sentence,
    federated_augmentation_sentence,
    utility_rows,
)
from tff_health.reporting.synthesis.views import classifier_view, privacy_view


@dataclass(frozen=True)
class SynthesisSection:
    """What the report says of a dataset's synthetic patients.

    Attributes:
        dataset: as recorded, with all arms.
        quasi_identifiers: columns that an attacker may know, each with its rule.
        headline: the arm without a guarantee that speaks for synthesis.
        classifiers: name -> label, in the order of tables.
        table_1: P2's Table 1 beside ours.
        peers: other synthesisers on the same patients.
        utility: what classifiers learn from each arm's rows.
        remarks: sentences under the utility table.
        own: tables of hospitals' own generators.
        budgets: the best synthesiser at each epsilon.
        budget_remarks: sentences on them.
        terms: what their epsilons rest on.
        likeness: the measures of likeness that a reader needs first.
        all_likeness: all of them.
        others: measures that users registered.
        privacy: the measures of privacy that a reader needs first.
        all_privacy: all of them.
        attacker: sentences on what attacks found.
        own_selection: whether what was selected are synthesisers, no classifier standing beside them.
        shown_arms: arms of the details: every classifier, settings, first rows.
    """

    dataset: DatasetResult
    quasi_identifiers: list[str]
    headline: str | None
    classifiers: dict[str, str]
    table_1: ClassifierTable | None
    peers: list[PaperGroup]
    utility: list[UtilityRow]
    remarks: list[str]
    own: list[OwnTable]
    budgets: list[Budget]
    budget_remarks: list[str]
    terms: str
    likeness: MeasureTable | None
    all_likeness: list[MeasureTable]
    others: list[MeasureTable]
    privacy: MeasureTable | None
    all_privacy: list[MeasureTable]
    attacker: list[str]
    own_selection: bool
    shown_arms: dict[str, Arm]


def synthesis_sections(run: Run) -> dict[str, SynthesisSection]:
    """A section for each dataset that has synthetic patients, by name."""
    judged = privacy_view(run).results.datasets
    return {
        name: _section(run, name, dataset, judged[name])
        for name, dataset in run.results.datasets.items()
        if arms_for(dataset, "synthesiser") or arms_for(dataset, "own-generator")
    }


def _section(run: Run, name: str, dataset: DatasetResult, judged: DatasetResult) -> SynthesisSection:
    found = budgets(dataset)
    recorded = [one for one in run.results.references if concerns_synthesis(one)]
    references = recorded or synthesis_references(run.results)
    return SynthesisSection(
        dataset=dataset,
        quasi_identifiers=quasi_identifier_words(dataset),
        headline=headline(dataset),
        classifiers={one: classifier_label(one) for one in classifier_names(dataset)},
        table_1=classifier_table(dataset),
        peers=peer_groups([one for one in references if one.source == PEERS and one.dataset == name]),
        utility=utility_rows(dataset),
        remarks=[line for line in _remarks(dataset) if line],
        own=own_tables(dataset),
        budgets=found,
        budget_remarks=[
            line for line in (winners_sentence(found), gan_sentence(found), cost_sentence(dataset, found)) if line
        ],
        terms=shared_terms(one for budget in found for one in budget.arms.values()),
        likeness=key_table(dataset, KEY_LIKENESS),
        all_likeness=measure_tables(dataset, LIKENESS),
        others=measure_tables(dataset, other_prefixes(dataset)),
        privacy=key_table(dataset, KEY_PRIVACY),
        all_privacy=measure_tables(dataset, PRIVACY),
        attacker=attacker_sentences(dataset, judged),
        own_selection=not any(not is_synthetic(dataset, arm) for arm in dataset.arms),
        shown_arms=measured_arms(dataset),
    )


def _remarks(dataset: DatasetResult) -> tuple[str, ...]:
    return augmentation_sentence(dataset), federated_augmentation_sentence(dataset), ablation_sentence(dataset)


def dataset_protection(run: Run, name: str) -> Protection | None:
    """A dataset's guarantees and attacks, generators among the arms; their costs are those over splits or seeds."""
    judged = privacy_view(run)
    found = protection(judged.record(name))
    if found is None or judged is run:
        return found
    plain = classifier_view(run)
    own = protection(plain.record(name)) if private_arms(plain.results.datasets[name]) else None
    dataset = run.results.datasets[name]
    pictured = image_cost(dataset, image_budgets(dataset)) if dataset.images else ""
    synthetic = pictured or cost_sentence(dataset, budgets(dataset))
    return replace(found, costs=[*(own.costs if own else []), *([synthetic] if synthetic else [])])
