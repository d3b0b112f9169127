"""Tables of measures, of own generators and of guarantees: what stands in them, and under which name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from synthesis_example import guarantee

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from data.catalogue import load_dataset
from tff_health.reporting.figures.registry import draw, registered_figures
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult
from tff_health.reporting.synthesis.attackers import anonymity_sentence
from tff_health.reporting.synthesis.labels import measure_ideal, measure_label
from tff_health.reporting.synthesis.own_generators import own_tables
from tff_health.reporting.synthesis.references import is_cleveland
from tff_health.reporting.synthesis.section import dataset_protection, synthesis_sections
from tff_health.reporting.synthesis.tables import LIKENESS, PRIVACY, key_table, measure_tables
from tff_health.reporting.synthesis.utility import utility_rows
from tff_health.reporting.synthesis.views import privacy_view
from tff_health.reporting.synthesis_document import ColumnSummary

SPENT = "Label histograms, epsilon 1 (patient level, spent: epsilon 1.5)"


def names(dataset: DatasetResult, prefixes: tuple[str, ...]) -> set[str]:
    return {column.name for table in measure_tables(dataset, prefixes) for column in table.columns}


def private_parts(heart: DatasetResult) -> None:
    """A second arm of which every hospital runs its own, with a guarantee."""
    for name, arm in list(heart.arms.items()):
        if name.startswith("own-generator/"):
            part = arm.model_copy(deep=True)
            document = part.model_dump(mode="json") | {"privacy": guarantee(0.99)}
            document["title"] = f"{name.partition('/')[2]} alone"
            document["synthesis"]["purpose"] = "own-generator"
            heart.arms[f"own-eps1/{name.partition('/')[2]}"] = Arm.model_validate(document)


@pytest.mark.parametrize("column", ["k", "t", "auc"])
def test_a_columns_name_hides_no_measure(heart: DatasetResult, column: str):
    assert heart.synthesis is not None
    before = names(heart, (*LIKENESS, *PRIVACY))
    heart.synthesis.columns.append(ColumnSummary(name=column, kind="continuous"))
    heart.arms["ctgan"].metrics[f"fidelity/ks/{column}"] = heart.arms["ctgan"].metric("fidelity/ks")
    after = names(heart, (*LIKENESS, *PRIVACY))
    assert after == before
    assert {"anonymity/k", "anonymity/t", "detection/auc"} <= after
    assert not {f"fidelity/ks/{column}", "fidelity/ks/age"} & after


def test_own_generators_are_held_against_their_like(heart: DatasetResult):
    private_parts(heart)
    tables = own_tables(heart)
    # Arms' parts do not mix: three hospitals in each table, two tables an arm.
    assert [(table.arm, len(table.rows)) for table in tables] == [("own-generator", 3)] * 2 + [("own-eps1", 3)] * 2
    federated = [table.federated.title if table.federated else None for table in tables]
    assert federated == ["Federated CTGAN"] * 2 + ["DP-CTGAN, epsilon 1"] * 2
    assert tables[2].guarantee == "patient level, epsilon at most 0.99"
    assert "adjacency" in tables[2].terms
    assert tables[0].guarantee == ""
    # An ablation or a control is no counterpart, however alike.
    del heart.arms["ctgan-eps1"]
    table = own_tables(heart)[2]
    assert table.federated is None
    assert "No federated arm has the method and the guarantee of own-eps1" in table.sentence
    for name in ("ctgan", "ctgan-average-both"):
        del heart.arms[name]
    assert own_tables(heart)[0].federated is None


def test_the_counterpart_has_the_same_settings_not_the_best_figures(heart: DatasetResult):
    for name, mode in {"ctgan": "server-generator", "ctgan-average-both": "average-both"}.items():
        heart.arms[name].settings["mode"] = mode
    for name, arm in heart.arms.items():
        if name.startswith("own-generator/"):
            arm.settings = {"synthesizer": "ctgan", "batch_size": 100, "mode": "average-both"}
    table = own_tables(heart)[0]
    assert table.federated is heart.arms["ctgan-average-both"]


def test_private_parts_stand_in_the_privacy_view(run: Run, heart: DatasetResult):
    private_parts(heart)
    judged = privacy_view(run).results.datasets["heart_disease"]
    assert "own-eps1: hospital 1" in judged.shown_arms
    assert not any(name.startswith("own-generator") for name in judged.arms)
    found = dataset_protection(run, "heart_disease")
    assert found is not None
    assert "own-eps1: hospital 1 alone" in [row.arm.title for row in found.rows if row.private]
    assert any("own-eps1: hospital 1" in statement.arms for statement in found.statements)


def test_k_is_shown_with_its_rule(run: Run, heart: DatasetResult):
    assert heart.synthesis is not None
    heart.synthesis.quasi_identifier_rules = {"age": "bands of 10 years", "sex": "codes as they are"}
    heart.synthesis.small_class, heart.synthesis.recursive_c = 5, 3.0
    for name in ("anonymity/small_class_share", "anonymity/l_recursive"):
        heart.arms["ctgan"].metrics[name] = heart.arms["ctgan"].metric("anonymity/t")
    assert "Over age (bands of 10 years) and sex (codes as they are), k is 1" in anonymity_sentence(heart, "ctgan")
    labels = {column.label for table in measure_tables(heart, PRIVACY) for column in table.columns}
    assert {"Rows in classes of fewer than 5", "l-diversity, recursive, c = 3"} <= labels
    section = synthesis_sections(run)["heart_disease"]
    assert section.quasi_identifiers == ["age (bands of 10 years)", "sex (codes as they are)"]


def test_labels_promise_nothing_that_equal_tables_miss():
    for part in ("precision", "recall", "density", "coverage"):
        for against in ("train", "test"):
            assert "1 ideal" not in measure_ideal(f"coverage/{against}/{part}")
    assert measure_ideal("coverage/test/recall") == "below 1 even for real rows"
    assert measure_label("disclosure/exact_copies_holdout") == "Held-out rows that copy a training row"
    assert measure_label("disclosure/near_copies_holdout") == "Held-out rows near a training row"


def test_an_overspent_epsilon_shows_in_tables_and_figures(run: Run, heart: DatasetResult):
    document = heart.arms["label-histograms-eps1"].model_dump(mode="json")
    document["privacy"] |= {"epsilon": 1.5, "target_epsilon": 1.0}
    heart.arms["label-histograms-eps1"] = Arm.model_validate(document)
    assert SPENT in {row.title for row in utility_rows(heart)}
    table = key_table(heart, ("anonymity/k",))
    assert table is not None
    assert SPENT in {title for title, _ in table.rows}
    for name in ("synthesis-arms", "synthesis-membership"):
        figure = draw(next(one for one in registered_figures() if one.name == name), run.record("heart_disease"))
        assert figure is not None
        assert b"spent:" in figure.svg, name


DEALT = "All thirteen features. The rows of {} are dealt to 5 simulated hospitals by iid."


def test_p2_stands_beside_cleveland_alone(heart: DatasetResult):
    assert is_cleveland(heart)
    heart.protocol = DEALT.format("cleveland, hungarian, switzerland, va")
    assert not is_cleveland(heart)
    heart.protocol = DEALT.format("cleveland")
    assert is_cleveland(heart)
    heart.source = "a clinic in Cleveland"
    assert not is_cleveland(heart)


@pytest.mark.parametrize(("centres", "expected"), [(["cleveland"], True), (None, False)])
def test_cleveland_is_known_by_what_the_loader_writes(heart: DatasetResult, centres: list[str] | None, expected: bool):
    folder = os.environ.get("TFF_HEALTH_DATA")
    if not folder:
        pytest.skip("TFF_HEALTH_DATA is not set: it names the folder of the real data")
    options = {"protocol": "all_features", "partition": "iid", "split": "pooled", "split_seed": 0}
    options |= {"hospitals": centres} if centres else {}
    federation = load_dataset("heart_disease", options, data_dir=Path(folder), seed=1)
    heart.protocol, heart.source = federation.protocol, federation.source
    assert is_cleveland(heart) == expected
