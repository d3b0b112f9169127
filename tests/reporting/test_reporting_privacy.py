"""What the report says of guarantees, attacks and audits, and what it refuses to say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from private_arms_example import attack
from reporting_example import write_run

import tff_health.reporting.figures  # noqa: F401 - registers the built-in figures
from tff_health.reporting.answer import caveats, verdicts
from tff_health.reporting.comparison import paired_difference
from tff_health.reporting.figures.registry import DrawnFigure, draw, registered_figures
from tff_health.reporting.guarantee import is_private, lower, named, small, statements, terms, upper
from tff_health.reporting.membership_findings import headline_attack, membership_sentences, outcome, warnings
from tff_health.reporting.privacy_cost import best_private_arm, costs_by_unit, privacy_answer
from tff_health.reporting.privacy_curve import counterpart
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.protection import protection
from tff_health.reporting.record import Run, load_run
from tff_health.reporting.report import make_report
from tff_health.reporting.results import DatasetResult, Metric

HEART = "heart_disease"


@pytest.fixture
def run(example: Path) -> Run:
    return load_run(example)


@pytest.fixture
def heart(run: Run) -> DatasetResult:
    return run.results.datasets[HEART]


@pytest.fixture(scope="module")
def page(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).strip()


def _section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


def _figure(name: str, run: Run) -> DrawnFigure | None:
    found = draw(next(figure for figure in registered_figures() if figure.name == name), run.record(HEART))
    assert found is None or not found.failure, found
    return found


def _without_privacy(dataset: DatasetResult) -> None:
    for arm in dataset.arms.values():
        arm.privacy, arm.membership, arm.audit, arm.secure_aggregation = None, {}, None, "none"


def test_upper_bounds_are_never_rounded_down_nor_lower_bounds_up():
    assert [upper(value) for value in (1.0, 0.30000000000000004, 1.0001, 11.4601, 123.4, 0.01234)] == [
        *("1", "0.3", "1.01", "11.5", "124", "0.0124"),
    ]
    assert [lower(value) for value in (0.4567, 4.199, 0.0, 123.9)] == ["0.456", "4.19", "0", "123"]
    assert (upper(None), upper(float("inf")), lower(None)) == ("unbounded", "unbounded", "not defined")
    assert (small(1e-5), small(0.001), small(None)) == ("1e-5", "0.001", "not defined")


def test_the_privacy_table_has_every_arm_and_all_columns(page: str, heart: DatasetResult):
    table = _section(page, "privacy").split("Privacy of UCI")[1].split("</table>")[0]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table, re.DOTALL)
    assert [title.replace("&#39;", "'") for title, _ in rows] == [arm.title for arm in heart.shown_arms.values()]
    cells = {title: _text(rest) for title, rest in rows}
    assert cells["FedAvg, patient-level DP, shared noise, epsilon 3"].startswith(
        "patient zero-out 3 pld 1e-5 0.456 ceiling 4.19 0.505 0.465\N{EN DASH}0.545"
    )
    assert cells["FedAvg, patient-level DP, shared noise, epsilon 3"].endswith("simulated: NOT SECURE")
    assert cells["FedAvg, hospital-level DP"].startswith("hospital zero-out 11.5 pld 1e-5")
    assert cells["FedAvg through a secure sum"].startswith("no guarantee")
    assert cells["FedAvg through a secure sum"].endswith("simulated: NOT SECURE")
    assert cells["Pooled"].startswith("no guarantee")


def test_statements_carry_unit_adjacency_delta_sampling_trust_and_accountant(page: str, heart: DatasetResult):
    text = _text(_section(page, "privacy"))
    for words in (
        "Unit patient Adjacency zero-out (one patient&#39;s row replaced by an empty one",
        "Delta 1e-5 Sampling none: every patient in every step",
        "Trust model hospitals trust the secure sum",
        "privacy loss distributions (PLD)",
        "Trust model the server adds the noise",
        "1.17 against a hospital that subtracts its own noise",
        "Each patient is protected at epsilon 3, delta 1e-5.",
        "epsilon by hospital cleveland 3, va 3",
        "One patient may have several rows.",
        "What these epsilons mean: hospital level",
        "learns about a patient at most what epsilon 4.21 allows",
        "Scaled by public bounds",
        "This report is not covered by these guarantees.",
        "NOT SECURE: secure aggregation is simulated here",
    ):
        assert words in text, words
    grouped = statements(heart)
    assert [statement.terms["Unit"] for statement in grouped] == ["patient", "hospital"]
    assert list(grouped[0].arms) == ["fedavg-patient-dp-eps1", "fedavg-patient-dp-eps3"]


def test_the_attack_table_has_all_attacks_with_the_control_first(page: str):
    text = _text(_section(page, "privacy").split("Attacks on UCI")[1].split("</section>")[0])
    assert text.index("LiRA: AUC") < text.index("Loss threshold: AUC") < text.index("Confidence: AUC")
    assert text.index("Control: deliberately overfitted model AUC 0.930") < text.index("Paper&#39;s listing")
    assert "Control: model that saw none of them AUC 0.490 (0.450 to 0.530); nothing found, as it should be" in text
    assert (
        "Loss threshold, confidence: 487 members against 253 non-members. LiRA: 487 members against 253 non-members, 16"
        in text
    )
    assert "Shadow models share the arm&#39;s settings." in text
    assert "By hospital (LiRA)" in text
    assert "NOT DETECTED" not in text


def test_the_answer_tells_cost_epsilon_and_attacks(page: str, run: Run):
    text = _text(_section(page, "answer"))
    found = paired_difference(run.record(HEART), "fedavg-patient-dp-eps3", "fedavg", "accuracy")
    assert found is not None
    assert f"What privacy costs: accuracy \N{MINUS SIGN}{abs(found.value):.3f} (" in text
    assert "FedAvg, patient-level DP, shared noise, epsilon 3, against FedAvg" in text
    for words in ("unit: patient", "adjacency: zero-out", "delta: 1e-5", "sampling: none", "trust model: hospitals"):
        assert words in text
    assert "Membership inference (LiRA) is not above guessing on any of the 3 private arms" in text
    assert "above guessing on 6 of 6 arms" in text
    assert "Its control, a deliberately overfitted model, was detected." in text
    assert "An epsilon above 10 promises little" in text
    assert "No guarantee covers this report itself" in text


def test_no_epsilon_stands_without_its_terms(page: str):
    # Wherever prose names an epsilon of this run, the same block or section has all that it rests on.
    for name in ("answer", "privacy", "contradictions"):
        text = _text(_section(page, name)).lower()
        assert "epsilon" in text
        for word in ("unit", "adjacency", "delta", "sampling", "trust model"):
            assert word in text, (name, word)
    references = _text(_section(page, "paper"))
    assert "adjacency: zero-out" in references


def test_a_control_that_is_not_detected_is_bold_and_spoils_the_answer(run_folder: Path, monkeypatch: Any):
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", list)
    _edit(run_folder, lambda heart: heart["membership_control"].update(overfitted=attack(0.52)))
    page = make_report(run_folder).read_text(encoding="utf-8")
    bold = re.findall(r"<strong>(.*?)</strong>", _section(page, "privacy"))
    assert any("model: NOT DETECTED (AUC 0.520" in line and "proves nothing" in line for line in bold)
    assert "control was not detected, so its silence proves nothing" in _text(_section(page, "answer"))


def test_controls_are_judged_and_a_missing_one_is_said(heart: DatasetResult):
    assert warnings(heart) == []
    heart.membership_control["unseen"] = MembershipAttack.model_validate(attack(0.6))
    assert "though nothing can be found there" in warnings(heart)[0]
    assert "was detected" in membership_sentences([heart])
    # One control for each attack serves as well; the headline attack's counts.
    heart.membership_control = {name: MembershipAttack.model_validate(attack(0.9)) for name in ("lira", "loss")}
    assert warnings(heart) == ["No control for confidence: finding nothing proves nothing."]
    assert "was detected" in membership_sentences([heart])
    # An overfitted model that is only just told from guessing does not make a silent attack credible.
    heart.membership_control["lira"] = MembershipAttack.model_validate(attack(0.58))
    assert "LiRA: NOT DETECTED" in warnings(heart)[0]
    assert "proves nothing" in membership_sentences([heart])
    heart.membership_control = {}
    assert warnings(heart) == ["The attacks have no control here: that they find nothing proves nothing."]
    assert "proves nothing" in membership_sentences([heart])


def test_an_attack_that_succeeds_is_said(heart: DatasetResult):
    heart.arms["fedavg-patient-dp-eps3"].membership["lira"] = MembershipAttack.model_validate(attack(0.58))
    text = membership_sentences([heart])
    assert "above guessing on 1 of 3 private arms: FedAvg, patient-level DP, shared noise, epsilon 3, AUC 0.580" in text
    heart.arms["fedavg-hospital-dp"].membership = {}
    assert "1 private arm was not attacked" in membership_sentences([heart])


def test_the_headline_attack_is_lira_then_loss_then_whatever_there_is():
    attacks = {name: MembershipAttack.model_validate(attack(0.5)) for name in ("mine", "loss", "lira")}
    assert headline_attack(attacks) == "lira"
    del attacks["lira"]
    assert headline_attack(attacks) == "loss"
    assert headline_attack({"mine": attacks["mine"]}) == "mine"
    assert headline_attack({}) is None
    assert outcome(Metric(value=0.6, low=0.52, high=0.7)) == "above"
    assert outcome(Metric(value=0.4, low=0.3, high=0.49)) == "below"
    assert outcome(Metric(value=0.6)) == "unknown"


def test_a_refuted_claim_is_flagged_everywhere(run: Run, heart: DatasetResult):
    audit = heart.arms["fedavg-patient-dp-eps1"].audit
    assert audit is not None
    audit.epsilon_lower, audit.flagged, audit.sentence = 2.5, True, "The claim does not hold."
    found = protection(run.record(HEART))
    assert found is not None
    assert found.warnings[0].startswith("FedAvg, patient-level DP, shared noise, epsilon 1: the audit REFUTES")
    assert any("REFUTES" in line for line in caveats(run, verdicts(run)))
    figure = _figure("audit", run)
    assert figure is not None
    assert "FLAGGED, the claim does not hold: FedAvg, patient-level DP, shared noise, epsilon 1." in figure.caption


def test_private_arms_are_held_against_the_arm_they_are_named_after(heart: DatasetResult):
    assert counterpart(heart, "fedavg-patient-dp-eps1") == "fedavg"
    heart.arms["other-dp"] = heart.arms["fedavg-patient-dp-eps1"].model_copy(deep=True)
    assert counterpart(heart, "other-dp") == "fedyogi"  # the headline arm
    heart.arms["other-dp"].settings["method"] = heart.arms["fedavg"].settings["method"] = "fedavg"
    assert counterpart(heart, "other-dp") == "fedavg"
    for name in ("fedavg", "fedyogi", "fedavg-secure", "pooled", "alone"):
        del heart.arms[name]
    assert counterpart(heart, "other-dp") is None


def test_costs_are_those_of_the_best_and_of_the_smallest_epsilon(run: Run, heart: DatasetResult):
    record = run.record(HEART)
    costs = costs_by_unit(record)
    assert [cost.name for cost in costs] == [
        *("fedavg-patient-dp-eps3", "fedavg-patient-dp-eps1", "fedavg-hospital-dp"),
    ]
    assert best_private_arm(record, "hospital") == "fedavg-hospital-dp"
    assert costs[1].outcome == " (a clear cost)"
    assert named(costs[2].arm) == "FedAvg, hospital-level DP (epsilon 11.5)"
    guarantee = heart.arms["fedavg-patient-dp-eps1"].privacy
    assert guarantee is not None
    for target, name in ((1.0, ""), (0.5, " (spent: epsilon 1)")):  # a repeated fit spends more than its title says
        repeated = guarantee.model_copy(update={"target_epsilon": target})
        arm = heart.arms["fedavg-patient-dp-eps1"].model_copy(update={"privacy": repeated})
        assert named(arm) == f"FedAvg, patient-level DP, shared noise, epsilon 1{name}"
    bare = privacy_answer(replace(run, predictions=run.predictions.iloc[:0]))
    assert bare is not None
    assert "(no paired interval)" in bare.text
    _without_privacy(heart)
    assert privacy_answer(run) is None
    assert protection(record) is None


def test_terms_name_everything(heart: DatasetResult):
    arm = heart.arms["fedavg-patient-dp-eps1"]
    assert is_private(arm)
    assert arm.privacy is not None
    line = terms(arm.privacy)
    for word in ("unit: patient", "adjacency:", "delta: 1e-5", "sampling:", "trust model:", "accountant: pld"):
        assert word in line
    assert "secure aggregation: simulated: NOT SECURE" in line


def test_results_from_before_privacy_still_make_a_report(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr("tff_health.reporting.figures.drawing.registered_figures", list)
    write_run(tmp_path / "run")

    def age(heart: dict[str, Any]) -> None:
        for name in ("private_preprocessing", "membership_control", "ledger"):
            del heart[name]
        for arm in heart["arms"].values():
            arm["privacy"] = None
            for name in ("membership", "audit", "secure_aggregation"):
                del arm[name]

    _edit(tmp_path / "run", age)
    page = make_report(tmp_path / "run").read_text(encoding="utf-8")
    text = _text(page)
    assert "No arm is differentially private" in text
    assert "What privacy costs" not in text
    assert "Canary audit" not in text
    assert _text(_section(page, "privacy")).count("No privacy guarantee is claimed for these arms") == 2


def _edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["datasets"][HEART])
    path.write_text(json.dumps(document), encoding="utf-8")
