"""Several cells as one: means, intervals, guarantees and attacks, held against hand computations."""

from __future__ import annotations

import dp_accounting
import numpy as np
import pytest
from scipy import stats

from tff_health.evaluation.t_interval import paired, t_interval
from tff_health.experiments.studies.differences import difference_sentences
from tff_health.experiments.studies.merge import merge_datasets
from tff_health.experiments.studies.merged_arm import merge_arms, merge_metrics
from tff_health.experiments.studies.spending import compose_cells
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.reporting.document import Metric
from tff_health.reporting.privacy_document import Audit, MembershipAttack, Privacy
from tff_health.reporting.results import Arm, DatasetResult, HospitalCounts, Round


def test_the_t_interval_by_hand():
    # mean 4, squared deviations 9 + 1 + 1 + 9 = 20, s = sqrt(20 / 3), t(.975, 3) = 3.182446 (any table).
    mean = t_interval([1.0, 3.0, 5.0, 7.0])
    half = 3.182446 * np.sqrt(20 / 3) / 2
    assert mean.value == 4.0
    assert mean.low == pytest.approx(4 - half, abs=1e-5)
    assert mean.high == pytest.approx(4 + half, abs=1e-5)
    assert mean.excludes_zero is False
    assert t_interval([4.0, 4.1, 3.9]).excludes_zero is True


def test_the_t_interval_agrees_with_scipy():
    values = np.random.default_rng(3).normal(0.9, 0.03, 12)
    mean = t_interval(values.tolist())
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    assert (mean.low, mean.high) == pytest.approx((low, high))


def test_missing_values_and_single_ones():
    assert t_interval([None, None]).value is None
    alone = t_interval([0.5, None])
    assert (alone.value, alone.low, alone.count) == (0.5, None, 1)
    assert t_interval([0.5, None, 0.7]).value == pytest.approx(0.6)


def test_pairs_take_out_what_splits_share():
    easy, hard = [0.95, 0.80, 0.90], [0.94, 0.79, 0.89]
    difference = paired(easy, hard)
    assert difference.value == pytest.approx(0.01)
    assert difference.excludes_zero
    assert not t_interval(easy).excludes_zero or t_interval(easy).high - t_interval(easy).low > 0.1
    assert paired([0.9, None], [0.8, 0.7]).count == 1


def test_metrics_keep_each_cells_value():
    merged = merge_metrics(
        [Metric(value=0.8, n=61, seeds=[0.7, 0.9]), Metric(value=None, n=61), Metric(value=0.9, n=60)]
    )
    assert merged.value == pytest.approx(0.85)
    assert merged.seeds == [0.8, None, 0.9]
    assert merged.n == 60


def test_intervals_stay_within_what_is_possible():
    merged = merge_arms([arm(0.999), arm(0.9)])
    assert merged.metric("test/auc").high == 1.0
    assert merged.metric("test/auc").low > 0.0
    assert merge_metrics([Metric(value=1.2), Metric(value=0.1)]).high > 1.2


def privacy(epsilon: float | None) -> Privacy:
    return Privacy(
        unit="patient",
        adjacency="zero-out",
        mechanism="m",
        sampling="s",
        epsilon=epsilon,
        delta=1e-5,
        accountant="pld",
        trust_model="t",
        secure_aggregation="none",
    )


def audit(lower: float, flagged: bool) -> Audit:
    return Audit(
        unit="patient",
        method="canaries",
        epsilon_lower=lower,
        epsilon_claimed=1.0,
        delta=1e-5,
        confidence=0.95,
        ceiling=3.0,
        canaries=200,
        guesses=100,
        correct=60,
        flagged=flagged,
        sentence=f"At least {lower}.{' FLAGGED: it does not hold.' if flagged else ''}",
    )


def arm(auc: float, title: str = "Arm", **more: object) -> Arm:
    metrics = {"test/auc": Metric(value=auc, n=61), "test/accuracy": Metric(value=auc - 0.1, n=61)}
    return Arm(title=title, federated=True, settings={"method": "fedavg"}, metrics=metrics, **more)


def test_the_worst_guarantee_is_carried_over():
    merged = merge_arms([arm(0.9, privacy=privacy(0.99)), arm(0.9, privacy=privacy(1.0))])
    assert merged.privacy
    assert merged.privacy.epsilon == 1.0
    unbounded = merge_arms([arm(0.9, privacy=privacy(0.99)), arm(0.9, privacy=privacy(None))])
    assert unbounded.privacy
    assert unbounded.privacy.epsilon is None
    assert merge_arms([arm(0.9, privacy=privacy(0.99)), arm(0.9)]).privacy is None


def test_an_audit_is_the_strongest_evidence_and_one_flag_may_be_chance():
    merged = merge_arms([arm(0.9, audit=audit(0.4, False)), arm(0.9, audit=audit(1.2, True))])
    assert merged.audit
    assert merged.audit.epsilon_lower == 1.2
    assert merged.audit.confidence == pytest.approx(0.9)
    assert not merged.audit.flagged  # one of two happens to a sound mechanism in up to 9.75 % of such pairs
    assert "1 of them lay above the claim" in merged.audit.sentence
    assert "0.098" in merged.audit.sentence
    assert "FLAGGED" not in merged.audit.sentence
    assert merged.metric("audit/epsilon_lower").value == 1.2
    both = merge_arms([arm(0.9, audit=audit(1.3, True)), arm(0.9, audit=audit(1.2, True))])
    assert both.audit
    assert both.audit.flagged
    assert "FLAGGED" in both.audit.sentence


def test_attacks_are_averaged_over_attacked_cells_only():
    def attacked(value: float) -> Arm:
        attack = MembershipAttack(
            auc=Metric(value=value, low=0.4, high=0.6), members=240, shadows=16, note="Same. Mine."
        )
        return arm(0.9, membership={"lira": attack})

    merged = merge_arms([attacked(0.5), attacked(0.6), arm(0.9)])
    found = merged.membership["lira"]
    assert found.auc.value == pytest.approx(0.55)
    assert (found.auc.low, found.auc.high) == pytest.approx((0.4, 0.6))  # the mean of their own
    assert "2 attacked cells" in found.note
    assert "Same." in found.note
    assert merged.metric("membership/auc") == found.auc
    many = merge_arms([attacked(value) for value in (0.5, 0.6, 0.5, 0.6, 0.5)]).membership["lira"]
    # s = .0547723, t(.975, 4) = 2.776445
    assert many.auc.low == pytest.approx(0.54 - 2.776445 * 0.0547723 / np.sqrt(5), abs=1e-5)
    one = merge_arms([attacked(0.5), arm(0.9)]).membership["lira"]
    assert (one.auc.low, one.auc.high) == (0.4, 0.6)


def test_rounds_are_merged_without_single_cells():
    rounds = [
        [Round(round=0, metrics={"test/auc": Metric(value=v, n=5), "hospital/a/auc": Metric(value=v)})]
        for v in (0.4, 0.6)
    ]
    merged = merge_arms([arm(0.9, rounds=one) for one in rounds])
    assert merged.at_round(0, "test/auc").value == 0.5
    assert merged.at_round(0, "test/auc").seeds == []
    assert merged.at_round(0, "hospital/a/auc").value is None


def cell(private: float, plain: float, **more: object) -> DatasetResult:
    arms = {"plain": arm(plain, "Plain"), "private": arm(private, "Private, epsilon 1", privacy=privacy(1.0))}
    return DatasetResult(title="D", kind="real", source="s", licence="l", arms=arms, **more)


def test_differences_are_put_in_words():
    merged = merge_datasets([cell(0.88, 0.90), cell(0.78, 0.81), cell(0.93, 0.945)], [1, 2, 3])
    (sentence,) = difference_sentences(merged)
    # -.02, -.03, -.015: mean -.021667, s = .0076376, t(.975, 2) = 4.302653.
    half = 4.302653 * 0.0076376 / np.sqrt(3)
    assert sentence.startswith("Private, epsilon 1 minus Plain: AUC −0.022")
    assert f"−{0.0216667 + half:.3f} to −{0.0216667 - half:.3f}, 3 pairs)" in sentence
    assert sentence in merged.notes
    unclear = merge_datasets([cell(0.88, 0.90), cell(0.82, 0.81)], [1, 2])
    assert "no difference shown" in difference_sentences(unclear)[0]


def test_only_what_all_cells_say_is_said_of_all():
    merged = merge_datasets([cell(0.9, 0.9, notes=["Same.", "Seed 1 only."]), cell(0.8, 0.8, notes=["Same."])], [1, 2])
    assert "Same." in merged.notes
    assert "Seed 1 only." not in merged.notes
    assert any("2 cells, seeds 1, 2" in note for note in merged.notes)


def test_cells_compose_whatever_hospital_a_patient_was_in():
    def entries(hospital: str) -> list[LedgerEntry]:
        event = dp_accounting.GaussianDpEvent(4.0)
        return [LedgerEntry("d", "arm", 1, "patient", event, "training", (hospital,), 2)]

    one = compose_cells([entries("a")]).total("study", "patient", 1e-5, "pld").epsilon
    two = compose_cells([entries("a"), entries("b")]).total("study", "patient", 1e-5, "pld").epsilon
    same = compose_cells([entries("a"), entries("a")]).total("study", "patient", 1e-5, "pld").epsilon
    assert two == same > one
    # Four releases at noise multiplier 4 are one at 4 / sqrt(4).
    accountant = dp_accounting.pld.PLDAccountant(dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
    accountant.compose(dp_accounting.GaussianDpEvent(2.0))
    assert two == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-3)


def test_every_arm_is_compared_with_one_and_tests_are_corrected():
    def three(seed: int) -> DatasetResult:
        base = 0.8 + 0.02 * seed
        arms = {
            "fedavg": arm(base, "FedAvg"),
            "fedyogi": arm(base + 0.03 + 0.002 * (seed % 2), "FedYogi"),
            "fedadam": arm(base + 0.02 * (-1) ** seed, "FedAdam"),
            "worse": arm(base - 0.1 - 0.001 * seed, "Worse"),
        }
        counts = HospitalCounts(train=80, test=20, train_positive=40, test_positive=10)
        return DatasetResult(title="D", kind="real", source="s", licence="l", arms=arms, hospitals={"north": counts})

    merged = merge_datasets([three(seed) for seed in range(6)], list(range(6)), "fedavg")
    found = {one.arm: one for one in merged.comparisons if one.metric == "auc"}
    assert list(found) == ["fedyogi", "fedadam", "worse"]
    yogi = found["fedyogi"]
    assert yogi.overlap == 0.25
    assert yogi.difference.n == 6
    assert yogi.difference.value == pytest.approx(0.031)
    # s = .002 / 2 * sqrt(6 / 5); the variance of the mean is (1/6 + 1/4) s^2; t(.975, 5) = 2.570582.
    half = 2.570582 * 0.001 * np.sqrt(6 / 5) * np.sqrt(1 / 6 + 1 / 4)
    assert yogi.difference.high == pytest.approx(0.031 + half)
    assert yogi.p_corrected == pytest.approx(2 * yogi.p_value)
    assert yogi.sentence.startswith(
        "FedYogi beats FedAvg by 0.031 in AUC (95 % interval 0.029 to 0.033, 6 pairs, p < .001"
    )
    assert "corrected for 3 comparisons" in yogi.sentence
    assert found["worse"].sentence.startswith("Worse falls short of FedAvg by 0.10")
    assert found["fedadam"].sentence.startswith("No difference between FedAdam and FedAvg is shown in AUC")
    assert {one.against for one in merged.comparisons} == {"fedavg"}
