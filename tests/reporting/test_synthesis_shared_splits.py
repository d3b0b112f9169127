"""Arms that were run in different splits: compared where they meet, and never said to have more than they have."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from synthesis_example import SPLITS, dataset, write_synthesis_run

from tff_health.evaluation.t_interval import t_interval
from tff_health.reporting.record import Run
from tff_health.reporting.report import make_report
from tff_health.reporting.results import Arm, DatasetResult, Metric, Results
from tff_health.reporting.synthesis.answer import synthesis_caveats, synthesis_verdicts
from tff_health.reporting.synthesis.arms import ranked
from tff_health.reporting.synthesis.budgets import budgets, winners_sentence
from tff_health.reporting.synthesis.gaps import gap
from tff_health.reporting.synthesis.glossary import synthesis_glossary
from tff_health.reporting.synthesis.references import synthesis_references
from tff_health.reporting.synthesis.splits import scored_splits
from tff_health.reporting.synthesis.utility import utility_rows


def scored(values: list[float | None]) -> Metric:
    mean = t_interval(values)
    return Metric(value=mean.value, low=mean.low, high=mean.high, n=61, seeds=values)


def arm(*values: float | None) -> Arm:
    return Arm(title="Any", metrics={"tstr/mean/auc": scored(list(values))})


def cut(one: Arm, splits: int) -> None:
    """Leaves the arm its first splits, as the writer of results.json does for an arm that ran in fewer."""
    for name, metric in one.metrics.items():
        if metric.seeds:
            one.metrics[name] = scored([*metric.seeds[:splits], *[None] * (SPLITS - splits)])


def test_the_best_is_found_on_shared_splits():
    # Easy splits are those that only the second arm had: on what both had, the first is better.
    found = ranked({"first": arm(0.8, 0.8, 0.95, 0.95), "second": arm(None, None, 0.9, 0.9)})
    assert found is not None
    assert (found.best, found.shared, found.left_out) == ("first", 2, {})
    assert ranked({"a": arm(0.7, 0.7, None), "b": arm(0.6, 0.6, 0.99)}).best == "a"  # type: ignore[union-attr]


def test_an_arm_with_few_splits_is_left_out_and_said_to_be():
    found = ranked({"few": arm(0.99, None, None), "many": arm(0.8, 0.8, 0.8)})
    assert found is not None
    assert (found.best, found.compared, found.left_out) == ("many", ("many",), {"few": 1})
    half = ranked({"half": arm(0.99, None), "many": arm(0.8, 0.8)})
    assert half is not None
    assert half.best == "half"
    apart = ranked({"one": arm(0.7, 0.7, 0.7, None, None), "other": arm(None, None, None, 0.9, 0.9)})
    assert apart is not None
    assert (apart.best, apart.left_out) == ("one", {"other": 2})
    bare = ranked({"a": Arm(title="A", metrics={"tstr/mean/auc": Metric(value=0.7)}), "b": Arm(title="B")})
    assert bare is not None
    assert (bare.best, bare.shared) == ("a", 0)
    assert ranked({"b": Arm(title="B")}) is None


def test_budgets_name_the_splits_of_the_winner_and_who_was_left_out(run: Run, heart: DatasetResult):
    flattered = heart.arms["ctgan-eps1"]
    flattered.metrics["tstr/mean/auc"] = scored([0.99] * SPLITS)
    for name, splits in {"ctgan-eps1": 1, "ctgan-eps3": 1, "label-histograms-eps1": 6}.items():
        cut(heart.arms[name], splits)
    one = budgets(heart)[0]
    assert one.best == "label-histograms-eps1"
    assert set(one.compared) == {"label-histograms-eps1", "marginal-tree-eps1"}
    mean = heart.arms[one.best].metric("tstr/mean/auc")
    assert one.auc == mean  # its own mean, over all of its splits
    text = winners_sentence(budgets(heart))
    assert "Label histograms, best of 2 on the 6 splits they share, mean AUC" in text
    assert "over 6 of 10 splits" in text
    assert "DP-CTGAN (epsilon 1 and 3) was scored in 1 split and is not compared." in text
    assert synthesis_verdicts(run)[0].budgets[0].splits == "6 of 10 splits"


def test_rivals_without_a_guarantee_are_compared_on_shared_splits(run: Run, heart: DatasetResult):
    heart.arms["pooled-ctgan"].metrics["tstr/mean/auc"] = scored([0.99, *[None] * (SPLITS - 1)])
    text = synthesis_verdicts(run)[0].answers["Worth training on?"]
    assert "is that of Pooled CTGAN" not in text
    assert "Pooled CTGAN was scored in 1 split and is not compared." in text


def test_references_pick_our_arm_on_shared_splits(run: Run, heart: DatasetResult):
    heart.arms["ctgan-eps3"].metrics["tstr/mean/auc"] = scored([0.99, *[None] * (SPLITS - 1)])
    found = {one.row: one.arm for one in synthesis_references(run.results) if "epsilon 3" in one.row}
    assert found == {"label-conditional histograms, epsilon 3": "marginal-tree-eps3"}


def test_the_main_table_shows_the_splits_of_each_arm(heart: DatasetResult):
    cut(heart.arms["pooled-ctgan"], 1)
    rows = {row.title: row.way for row in utility_rows(heart)}
    assert rows["Pooled CTGAN"] == "pooled rows, 1 of 10 splits"
    assert rows["Federated CTGAN"] == "federated"
    assert gap(
        heart.arms["pooled-ctgan"].metric("tstr/mean/auc"), heart.arms["ctgan"].metric("tstr/mean/auc")
    ).words.endswith(  # type: ignore[union-attr]
        "(1 shared split, no paired interval)"
    )


def test_the_page_shows_splits_beside_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", list)
    made = DatasetResult.model_validate(dataset())
    for name in ("ctgan", "label-histograms-eps1", "marginal-tree-eps1", "ctgan-eps1"):
        cut(made.arms[name], 6)
    write_synthesis_run(tmp_path, {"heart_disease": made.model_dump(mode="json")})
    page = make_report(tmp_path).read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    assert "Federated CTGAN, no guarantee 6 of 10 splits" in text
    assert "Best at epsilon 1: Label histograms 6 of 10 splits" in text
    assert "Best at epsilon 3: Marginal tree 0.8" in text


def test_sentences_count_the_splits_of_the_arm(run: Run, heart: DatasetResult):
    cut(heart.arms["ctgan"], 4)
    text = synthesis_verdicts(run)[0].answers["Worth training on?"]
    assert "mean of 7 classifiers and 4 of 10 splits" in text
    lines = " ".join(synthesis_caveats(run))
    assert "scored in 4 of 10 splits only: Federated CTGAN." in lines
    assert scored_splits(heart.arms["ctgan"]) == 4


def test_patients_are_said_to_be_shared_only_where_they_are(run: Run, heart: DatasetResult):
    assert "splits share patients" in " ".join(synthesis_caveats(run))
    heart.kind, heart.licence = "simulated", "drawn by this software; no patients"
    drawn = " ".join(synthesis_caveats(run))
    assert "share patients" not in drawn
    assert "every split draws rows of its own" in drawn
    heart.licence = "mine"
    unknown = " ".join(synthesis_caveats(run))
    assert "where splits divide the same rows" in unknown
    assert "every split draws" not in unknown


def test_one_split_has_no_t_interval(run: Run, heart: DatasetResult):
    assert "Student" in synthesis_glossary(run.results)["Interval"]
    assert heart.synthesis is not None
    heart.synthesis.splits = 1
    for one in heart.arms.values():
        for name, metric in one.metrics.items():
            one.metrics[name] = metric.model_copy(update={"seeds": metric.seeds[:1]})
    interval = synthesis_glossary(run.results)["Interval"]
    assert "Student" not in interval
    assert "of one split" in interval
    text = synthesis_verdicts(run)[0].answers["Worth training on?"]
    assert "mean of 7 classifiers and 1 split;" in text
    assert "share patients" not in " ".join(synthesis_caveats(run))


def test_reasons_follow_splits_and_the_arm(run: Run, heart: DatasetResult):
    def reasons(results: Results) -> dict[str, str]:
        return {one.row: one.why for one in synthesis_references(results)}

    found = reasons(run.results)
    synthetic = "logistic-regression, trained on synthetic rows"
    assert "the mean over 10 splits" in found[synthetic]
    assert "across hospitals that pool no row" in found[synthetic]
    assert "generator" not in found["logistic-regression, trained on real rows"]
    assert "scikit-learn's train_test_split with seeds 0 to 9" in found["pooled TVAE"]
    assert "not all published" in found["pooled TVAE"]
    heart.protocol = heart.protocol.replace("all rows held out", "each hospital held out")
    assert heart.synthesis is not None
    heart.synthesis.best = "pooled-ctgan"
    cut(heart.arms["pooled-ctgan"], 1)
    found = reasons(run.results)
    assert "of one split on held-out patients" in found[synthetic]
    assert "on pooled rows" in found[synthetic]
    assert "no row" not in found[synthetic]
    assert "10 splits of our own" in found["pooled TVAE"]
    assert "train_test_split" not in found["pooled TVAE"]
