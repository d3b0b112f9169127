"""The documented experiment itself, as a newcomer runs it, and its figures on real patients."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from statistics import fmean

import jsonschema
import pytest
import tomli_w
from small_experiment import ROOT, run

from tff_health.reporting.results import load_results

PRESET = ROOT / "tff_health" / "experiments" / "presets" / "five-round.toml"


@pytest.fixture(scope="module")
def five_round(real_data, tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("runs") / "five-round"
    done = run("--out", str(folder), "--data-dir", str(real_data))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def value(results, dataset: str, arm: str, metric: str) -> float:
    return results.datasets[dataset].arms[arm].metrics[f"test/{metric}"].value


@pytest.mark.slow
def test_the_run_folder_is_complete(five_round):
    folder, output = five_round
    for name in ("settings.toml", "rounds.csv", "results.json", "predictions.csv", "timings.csv", "report.html"):
        assert (folder / name).stat().st_size > 100, name
    schema = json.loads((ROOT / "docs" / "results.schema.json").read_text("utf-8"))
    jsonschema.validate(json.loads((folder / "results.json").read_text("utf-8")), schema)
    assert list((folder / "figures").glob("*.svg"))
    assert list((folder / "model").glob("*.keras"))
    last = output.strip().splitlines()[-1]
    assert last == f"Report: {folder / 'report.html'}"
    assert "held-out accuracy/AUC" in output


@pytest.mark.slow
def test_federation_learns_what_the_listing_cannot(five_round):
    results = load_results(five_round[0] / "results.json")
    assert value(results, "paper_mock", "fedavg", "accuracy") >= 0.95
    assert value(results, "paper_mock", "paper-listing", "accuracy") < 0.65
    listing = results.datasets["paper_mock"].arms["paper-listing"]
    assert len(listing.rounds) == 6
    assert all(entry.metrics["test/accuracy"].value < 0.7 for entry in listing.rounds)


@pytest.mark.slow
def test_heart_disease_reaches_pooled_training(five_round):
    results = load_results(five_round[0] / "results.json")
    heart = results.datasets["heart_disease"]
    best = heart.selection.best_arm
    assert heart.arms[best].federated
    assert len(heart.arms[best].metrics["test/accuracy"].seeds) == 5
    assert value(results, "heart_disease", best, "accuracy") >= 0.795
    assert value(results, "heart_disease", best, "auc") >= 0.875
    assert {reference.source for reference in results.references if reference.dataset == "heart_disease"} >= {
        "FLamby, Fed-Heart-Disease"
    }


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["breast_cancer", "heart_disease"])
def test_guarantees_hold_attacks_and_audits(five_round, dataset):
    found = load_results(five_round[0] / "results.json").datasets[dataset]
    private = {name: arm for name, arm in found.arms.items() if arm.privacy}
    assert {arm.privacy.unit for arm in private.values()} == {"patient", "hospital"}
    for name, arm in private.items():
        limit = float(name.rpartition("-eps")[2])
        assert 0.99 * limit < arm.privacy.epsilon <= limit
        assert arm.audit.epsilon_lower <= arm.privacy.epsilon, arm.audit.sentence
        if limit <= 1:
            # Noise is fresh in each run: the interval itself misses .5 once in twenty arms, this once in ten thousand.
            assert arm.membership["lira"].auc.low < 0.55
    assert found.arms["fedavg"].audit.epsilon_lower > 1
    assert found.membership_control["overfitted"].auc.low > 0.6
    secure = {name for name, arm in found.arms.items() if arm.secure_aggregation == "simulated"}
    assert secure == {"fedavg-secure", "fedavg-patient-dp-shared-eps1"}
    page = (five_round[0] / "report.html").read_text("utf-8")
    assert "NOT SECURE" in page
    for arm in private.values():
        assert arm.title in page


@pytest.mark.slow
def test_epsilon_1_beats_what_flamby_prints_for_a_weaker_one(five_round):
    results = load_results(five_round[0] / "results.json")
    # FLamby prints .70 for an epsilon that was really 1.5 to 4.6; the mean of five models moves by .01 between runs.
    assert value(results, "heart_disease", "fedavg-patient-dp-eps1", "accuracy") >= 0.74
    assert value(results, "heart_disease", "fedavg-patient-dp-shared-eps1", "accuracy") >= 0.74


@pytest.mark.slow
def test_other_splits_stay_near_pooled_logistic_regression(real_data, tmp_path):
    """On five splits that no choice was made on: at most .01 below pooled logistic regression.

    AUC on each of them; accuracy on four and as the mean of the five. It moves by .004 a patient, and the README says
    on how many of fifteen splits it is missed.
    """
    document = tomllib.loads(PRESET.read_text("utf-8"))
    task = document["datasets"]["heart_disease"]
    arms = {name: task["arms"][name] for name in ("fedavg", "best-adaptive", "pooled-logistic")}
    splits = {
        f"split_{seed}": task
        | {"source": "heart_disease", "options": task["options"] | {"split_seed": seed}, "arms": arms}
        for seed in range(1, 6)
    }
    document |= {"datasets": splits, "bootstrap": 50, "experiment": "split", "attacks": {}}
    (tmp_path / "split.toml").write_text(tomli_w.dumps(document), "utf-8")
    folder = tmp_path / "out"
    done = run("run", str(tmp_path / "split.toml"), "--out", str(folder), "--data-dir", str(real_data))
    assert done.returncode == 0, done.stderr
    results = load_results(folder / "results.json")
    gains = {
        metric: [
            value(results, name, dataset.selection.best_arm, metric) - value(results, name, "pooled-logistic", metric)
            for name, dataset in results.datasets.items()
        ]
        for metric in ("accuracy", "auc")
    }
    print({metric: [round(gain, 4) for gain in found] for metric, found in gains.items()})
    assert len(gains["auc"]) == 5
    assert min(gains["auc"]) >= -0.01
    assert fmean(gains["accuracy"]) >= -0.01
    assert sum(gain < -0.01 for gain in gains["accuracy"]) <= 1
    assert min(gains["accuracy"]) >= -0.02


def test_every_round_is_scored_pooled_and_by_hospital(finished_run):
    arm = load_results(finished_run / "results.json").datasets["paper_mock"].arms["fedavg"]
    assert [entry.round for entry in arm.rounds] == [0, 1, 2, 3]
    names = ("loss", "accuracy", "auc", "sensitivity", "specificity", "f1", "brier", "ece")
    for entry in arm.rounds[1:]:
        for prefix in ("test", "hospital/held-out 1", "hospital/held-out 2"):
            for name in names:
                metric = entry.metrics[f"{prefix}/{name}"]
                assert metric.low is not None, (prefix, name)
                assert metric.low <= metric.high
    assert arm.confusion is not None
    assert arm.confusion.tn + arm.confusion.fp + arm.confusion.fn + arm.confusion.tp == 80
