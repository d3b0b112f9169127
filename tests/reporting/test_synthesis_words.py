"""Sentences on synthetic patients follow the numbers, the bad ones too."""

from __future__ import annotations

import numpy as np
import pytest
from private_arms_example import attack
from synthesis_example import SPLITS, dataset, metric

from tff_health.evaluation.t_interval import paired
from tff_health.reporting.formatting import some
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.record import Run
from tff_health.reporting.results import DatasetResult, Metric
from tff_health.reporting.synthesis.answer import synthesis_caveats, synthesis_summary, synthesis_verdicts
from tff_health.reporting.synthesis.budgets import budgets, cost_sentence, gan_sentence, winners_sentence
from tff_health.reporting.synthesis.gaps import gap
from tff_health.reporting.synthesis.own_generators import own_tables
from tff_health.reporting.synthesis.references import synthesis_references
from tff_health.reporting.synthesis.table_1 import classifier_table
from tff_health.reporting.synthesis.utility import (
    ablation_sentence,
    augmentation_sentence,
    federated_augmentation_sentence,
    utility_rows,
)


def shifted(metric_: Metric, by: float) -> Metric:
    """The same splits, all better or worse by so much, with a little scatter."""
    seeds = [value + by + 0.0005 * (-1) ** place for place, value in enumerate(metric_.seeds) if value is not None]
    mean = float(np.mean(seeds))
    return metric_.model_copy(update={"value": mean, "low": mean - 0.01, "high": mean + 0.01, "seeds": seeds})


def answer(run: Run, question: str) -> str:
    return synthesis_verdicts(run)[0].answers[question]


def test_gaps_are_paired_over_splits():
    generator = np.random.default_rng(0)
    shared = generator.normal(0, 0.05, SPLITS)
    first, second = (Metric.model_validate(metric(value, generator, shared)) for value in (0.8, 0.82))
    found, mean = gap(first, second), paired(first.seeds, second.seeds)
    assert found is not None
    assert (found.value, found.low, found.high) == (mean.value, mean.low, mean.high)
    assert found.outcome == "worse"
    # Alone, the two intervals overlap: only pairing shows it.
    assert first.high is not None
    assert second.low is not None
    assert first.high > second.low
    bare = gap(Metric(value=0.7), Metric(value=0.8))
    assert bare is not None
    assert bare.outcome == "unknown"
    assert "no paired interval" in bare.words
    assert gap(Metric(), Metric(value=1.0)) is None
    apart = gap(Metric(value=0.7, seeds=[0.7, None]), Metric(value=0.8, seeds=[None, 0.8]))
    assert apart is not None
    assert apart.outcome == "unknown"
    # One arm was fitted in the first split only: that split alone is compared.
    single = gap(Metric(value=0.7, seeds=[0.7, None]), Metric(value=0.8, seeds=[0.6, 1.0]))
    assert single is not None
    assert (round(single.value, 6), single.low) == (0.1, None)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (0.05, "yes, they do better than real rows"),
        (0.0, "yes, they cannot be told from real rows"),
        (-0.01, "nearly, they do slightly worse than"),
        (-0.3, "not fully, they do worse than"),
    ],
)
def test_the_first_sentence_is_what_the_paired_gap_says(run: Run, heart: DatasetResult, by: float, words: str):
    assert heart.synthesis is not None
    for name in ("accuracy", "auc"):
        real = heart.synthesis.real_metrics[f"trtr/mean/{name}"]
        heart.arms["ctgan"].metrics[f"tstr/mean/{name}"] = shifted(real, by)
    assert words in synthesis_summary(synthesis_verdicts(run))[0]


def test_wide_intervals_are_no_yes(run: Run, heart: DatasetResult):
    assert heart.synthesis is not None
    for name in ("accuracy", "auc"):
        real = heart.synthesis.real_metrics[f"trtr/mean/{name}"]
        seeds = [0.9 if place % 2 else 0.5 for place in range(SPLITS)]
        heart.arms["ctgan"].metrics[f"tstr/mean/{name}"] = real.model_copy(update={"value": 0.7, "seeds": seeds})
        real.seeds, real.value = [0.7] * SPLITS, 0.7
    assert "not known, for the intervals are too wide" in synthesis_summary(synthesis_verdicts(run))[0]


def test_accuracy_that_falls_spoils_an_auc_that_does_not(run: Run, heart: DatasetResult):
    assert heart.synthesis is not None
    reals = heart.synthesis.real_metrics
    heart.arms["ctgan"].metrics["tstr/mean/auc"] = shifted(reals["trtr/mean/auc"], 0.0)
    heart.arms["ctgan"].metrics["tstr/mean/accuracy"] = shifted(reals["trtr/mean/accuracy"], -0.1)
    assert "not fully" in synthesis_summary(synthesis_verdicts(run))[0]


def test_a_better_rival_is_named(run: Run, heart: DatasetResult):
    heart.arms["marginal-tree"].metrics["tstr/mean/auc"] = shifted(heart.arms["ctgan"].metric("tstr/mean/auc"), 0.02)
    text = answer(run, "Worth training on?")
    assert (
        "The highest mean AUC without a guarantee, of 6 on the 10 splits they share, is that of Marginal tree" in text
    )
    assert "+0.020 (" in text


def test_the_best_at_each_epsilon_follows_the_numbers(heart: DatasetResult):
    found = budgets(heart)
    assert [(one.epsilon, one.best) for one in found] == [
        *(("1", "label-histograms-eps1"), ("3", "marginal-tree-eps3"), ("10", "marginal-tree-eps10")),
    ]
    assert winners_sentence(found).startswith(
        "At epsilon 1 Label histograms, best of 3 on the 10 splits they share, mean AUC 0.8"
    )
    assert "NOT better than noisy histograms, it is clearly worse at epsilon 1, " in gan_sentence(found)
    assert "at epsilon 1 \N{MINUS SIGN}0.0" in cost_sentence(heart, found)
    for epsilon in (1, 3, 10):
        histograms = heart.arms[f"label-histograms-eps{epsilon}"].metric("tstr/mean/auc")
        heart.arms[f"ctgan-eps{epsilon}"].metrics["tstr/mean/auc"] = shifted(histograms, 0.03)
    found = budgets(heart)
    assert [one.best for one in found] == [f"ctgan-eps{epsilon}" for epsilon in (1, 3, 10)]
    assert gan_sentence(found).startswith("The DP-CTGAN is better than noisy histograms at epsilon 1, +0.03")
    assert "NOT" not in gan_sentence(found)


def test_an_arm_recorded_as_chosen_is_said_beside_the_best(heart: DatasetResult):
    assert heart.synthesis is not None
    heart.synthesis.best_private = {"1": "marginal-tree-eps1", "3": "nobody"}
    assert "(recorded as chosen: Marginal tree, 0.8" in winners_sentence(budgets(heart))


def test_without_private_arms_the_cost_is_unknown(run: Run, heart: DatasetResult):
    for name in [name for name, arm in heart.arms.items() if arm.privacy]:
        del heart.arms[name]
    verdict = synthesis_verdicts(run)[0]
    assert verdict.budgets == []
    assert verdict.terms == ""
    assert "No synthesiser has a privacy guarantee" in verdict.answers["What does privacy cost?"]
    assert "Which synthesiser at which epsilon?" not in verdict.answers


def test_attackers_findings_are_said(run: Run, heart: DatasetResult):
    question = "What could an attacker learn?"
    quiet = answer(run, question)
    assert "is not above guessing on any of 15 synthesisers" in quiet
    assert "overfitted on purpose, is detected: AUC 0.9" in quiet
    assert "Of 15 further attacks 0 lie above guessing" in quiet
    assert "the highest AUC is 0.522 (0.497 to 0.547) (nearest neighbour, Federated CTGAN)" in quiet
    assert "no synthetic row of 15 synthesisers is an exact copy" in quiet.lower()
    assert "Singling out does no better than against strangers" in quiet
    ctgan = heart.arms["ctgan"]
    ctgan.membership["density-ratio"] = MembershipAttack.model_validate(attack(0.62))
    ctgan.metrics["disclosure/exact_copies"] = Metric(value=0.031)
    ctgan.metrics["disclosure/dcr_share"] = Metric(value=0.7, low=0.65, high=0.75)
    ctgan.metrics["singling_out/risk"] = Metric(value=0.2, low=0.1, high=0.3)
    loud = answer(run, question)
    assert "above guessing on 1 of 15 synthesisers: Federated CTGAN, AUC 0.620" in loud
    assert "Federated CTGAN 3.1\N{NO-BREAK SPACE}% (held-out patients equal to a training row: 0.0" in loud
    assert "more rows than chance allows lie nearer to training than to held-out patients" in loud
    assert "Singling out succeeds beyond its control on Federated CTGAN 0.200" in loud
    assert (
        "The density-ratio attack tells training patients from others on 1 of 15" in synthesis_verdicts(run)[0].attacker
    )


def test_silence_without_a_detected_control_proves_nothing(run: Run, heart: DatasetResult):
    control = heart.arms["ctgan-overfitted"]
    control.membership = {name: MembershipAttack.model_validate(attack(0.55)) for name in control.membership}
    assert "NOT DETECTED (AUC 0.550" in answer(run, "What could an attacker learn?")
    assert "and it was not shown to work" in synthesis_verdicts(run)[0].attacker
    del heart.arms["ctgan-overfitted"]
    assert "no overfitted control" in answer(run, "What could an attacker learn?")
    for arm in heart.arms.values():
        arm.membership = {}
    assert "No membership attack was run" in answer(run, "What could an attacker learn?")


def test_long_lists_are_cut():
    assert some(["a", "b", "c", "d"]) == "a, b, c and d"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_caveats_name_what_a_reader_must_know(run: Run, heart: DatasetResult):
    lines = " ".join(synthesis_caveats(run))
    assert "NOT SECURE" in lines
    assert "read off the held-out patients" in lines
    assert "splits share patients" in lines
    assert "promises little" not in lines
    assert heart.synthesis is not None
    heart.synthesis.splits = 1
    privacy = heart.arms["ctgan-eps10"].privacy
    assert privacy is not None
    privacy.epsilon = 20.0
    lines = " ".join(synthesis_caveats(run))
    assert "1 split only; one split has no interval" in lines
    assert "An epsilon above 10 promises little in the worst case: DP-CTGAN, epsilon 10 (patient level)." in lines


def test_table_1_counts_what_is_matched(heart: DatasetResult):
    table = classifier_table(heart)
    assert table is not None
    assert table.beside_paper
    assert [row.theirs for row in table.rows[:2]] == [(0.775, 0.775), (0.63, 0.72)]
    assert table.rows[-1].theirs == pytest.approx((0.77849, 0.74374), abs=1e-5)
    assert "matched or beaten for 7 of 7 classifiers" in table.sentence
    heart.arms["ctgan"].metrics["tstr/svc-linear/accuracy"].value = 0.77
    short = classifier_table(heart)
    assert short is not None
    assert "6 of 7 classifiers; below it: SVC, linear (0.770 against 0.778)" in short.sentence


def test_p2_stands_only_beside_cleveland(run: Run):
    document = dataset()
    document |= {"title": "Breast cancer", "partition": "iid", "protocol": "all features"}
    other = DatasetResult.model_validate(document)
    table = classifier_table(other)
    assert table is not None
    assert not table.beside_paper
    run.results.datasets = {"breast_cancer": other}
    assert {one.row for one in synthesis_references(run.results)} == {"real rows", "pooled CTGAN"}


def test_references_have_theirs_and_ours(run: Run, heart: DatasetResult):
    found = synthesis_references(run.results)
    table = [one for one in found if one.source == "P2, Table 1"]
    assert len(table) == 14
    assert table[1].row == "logistic-regression, trained on synthetic rows"
    assert (table[1].theirs, table[1].ours) == (
        0.775,
        heart.arms["ctgan"].metric("tstr/logistic-regression/accuracy").value,
    )
    peers = {(one.row, one.metric): one for one in found if one.source != "P2, Table 1"}
    histograms = peers["label-conditional histograms, epsilon 3", "auc"]
    assert (histograms.theirs, histograms.arm) == (0.886, "marginal-tree-eps3")
    assert all(one.why for one in found)


def test_own_generators_are_compared_hospital_by_hospital(heart: DatasetResult):
    tables = own_tables(heart)
    assert [len(table.rows) for table in tables] == [3, 3]
    assert tables[0].federated.title == "Federated CTGAN"
    assert "better than the hospital's own generator in AUC for " in tables[0].sentence
    row = tables[1].rows[0]
    assert row.train == 49
    assert row.gaps[1] is not None
    assert row.gaps[1].outcome == "better"
    heart.arms["own-generator/hospital 3"].metrics["tstr/mean/auc"] = shifted(
        heart.arms["ctgan"].metric("tstr/mean/auc"), 0.05
    )
    assert (
        "2 of 3 hospitals (its interval above zero for 2); not for hospital 3, \N{MINUS SIGN}0.05"
        in own_tables(heart)[1].sentence
    )


def test_augmentation_and_ablations_in_words(heart: DatasetResult):
    assert "no clear difference in mean AUC with any of 3 synthesisers" in augmentation_sentence(heart)
    assert "CTGAN without packing: mean AUC 0.86" in ablation_sentence(heart)
    assert heart.synthesis is not None
    real = heart.synthesis.real_metrics["trtr/mean/auc"]
    heart.arms["ctgan"].metrics["augmented/mean/auc"] = shifted(real, 0.02)
    assert "they help with Federated CTGAN +0.020" in augmentation_sentence(heart)
    assert federated_augmentation_sentence(heart) == ""
    heart.synthesis.real_metrics["trtr/federated/auc"] = real
    heart.arms["ctgan"].metrics["augmented/federated/auc"] = shifted(real, -0.02)
    assert "Federated CTGAN AUC \N{MINUS SIGN}0.020" in federated_augmentation_sentence(heart)


def test_the_utility_table_names_the_worst_classifier(heart: DatasetResult):
    rows = {row.title: row for row in utility_rows(heart)}
    assert next(iter(rows)) == "Real rows"
    assert rows["Federated CTGAN"].chosen
    assert rows["CTGAN, 20 patients, long training"].way == "control, overfitted on purpose"
    heart.arms["ctgan"].metrics["tstr/knn/accuracy"].value = 0.5
    heart.arms["ctgan"].metrics["tstr/knn/accuracy"].seeds = []
    worst = {row.title: row for row in utility_rows(heart)}["Federated CTGAN"].worst
    assert worst is not None
    assert worst[0] == "K nearest neighbours"
