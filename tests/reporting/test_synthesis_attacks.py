"""Verdicts on attacks are about the attack that was controlled, and about no more than its interval shows."""

from __future__ import annotations

from private_arms_example import attack

from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.reporting.record import Run
from tff_health.reporting.results import DatasetResult, Metric
from tff_health.reporting.synthesis.answer import synthesis_verdicts
from tff_health.reporting.synthesis.attackers import risks_sentence
from tff_health.reporting.synthesis.membership_words import attack_title, judge
from tff_health.reporting.synthesis.tables import KEY_PRIVACY


def measured(auc: float, half: float = 0.025) -> MembershipAttack:
    return MembershipAttack.model_validate(attack(auc, half))


def said(run: Run) -> tuple[str, str]:
    verdict = synthesis_verdicts(run)[0]
    return verdict.attacker, verdict.answers["What could an attacker learn?"]


def test_another_attacks_control_does_not_let_silence_count(run: Run, heart: DatasetResult):
    control = heart.arms["ctgan-overfitted"]
    control.membership = {"nearest": measured(0.95), "density-ratio": measured(0.5)}
    short, long = said(run)
    assert (
        "The density-ratio attack is not above guessing on these synthetic rows, and it was not shown to work" in short
    )
    assert "Its control, a generator overfitted on purpose, is NOT DETECTED (AUC 0.500" in long
    control.membership = {"nearest": measured(0.5), "density-ratio": measured(0.95)}
    short, long = said(run)
    assert "though it finds an overfitted generator's patients" in short
    assert "is detected: AUC 0.950" in long
    assert "without a control that was detected: nearest neighbour." in long


def test_another_attack_above_guessing_is_named(run: Run, heart: DatasetResult):
    heart.arms["marginal-tree"].membership["nearest"] = measured(0.6)
    short, long = said(run)
    assert "above guessing with other attacks: nearest neighbour on Marginal tree, AUC 0.600" in short
    assert "No attack" not in short
    assert "1 lie above guessing, one in forty of which would by chance: nearest neighbour on Marginal tree" in long


def test_two_splits_that_happen_to_agree_show_nothing() -> None:
    auc = Metric(value=0.503, low=0.502, high=0.504, n=75, seeds=[0.5029, 0.5031])
    assert judge(auc) == "undecided"
    assert judge(auc.model_copy(update={"seeds": [0.5029, 0.5031, 0.503]})) == "above"


def test_a_wide_interval_is_too_few_splits(run: Run, heart: DatasetResult):
    assert judge(Metric(value=0.5, low=0.45, high=0.55)) == "guessing"
    assert judge(Metric(value=0.5, low=0.3, high=0.7)) == "undecided"
    assert judge(Metric(value=0.6, low=0.51, high=0.7)) == "above"
    assert judge(Metric(value=0.6)) == "unknown"
    for arm in heart.arms.values():
        if "density-ratio" in arm.membership and "overfitted" not in arm.title and "20 patients" not in arm.title:
            arm.membership["density-ratio"] = measured(0.5, 0.3)
    short, long = said(run)
    assert "too few splits to tell" in short
    assert "not above guessing" not in short
    assert "has too few splits to tell on 15 of 15 synthesisers" in long


def test_each_attack_that_speaks_has_its_own_control(run: Run, heart: DatasetResult):
    del heart.arms["marginal-tree"].membership["density-ratio"]
    heart.arms["ctgan-overfitted"].membership.pop("nearest")
    _, long = said(run)
    assert "The nearest-neighbour attack on the synthetic rows is not above guessing on Marginal tree" in long
    assert long.index("is detected: AUC 0.9") < long.index("The nearest-neighbour attack")
    assert "This attack has no overfitted control" in long
    assert attack_title("lira") == "The LiRA attack"


def test_singling_out_by_one_column_is_a_key_risk(heart: DatasetResult):
    assert "singling_out_univariate/risk" in KEY_PRIVACY
    heart.arms["ctgan"].metrics["singling_out_univariate/risk"] = Metric(value=0.2, low=0.1, high=0.3)
    assert "singling out by one column succeeds beyond its control on Federated CTGAN 0.200" in risks_sentence(heart)
