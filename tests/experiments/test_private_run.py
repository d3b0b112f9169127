"""A run with private arms, as users run it: budgets, ledger, statements, attacks, interruptions."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from private_experiment import ATTACKED, HOSPITAL_ARM, TREE_ARM, write
from small_experiment import ROOT, command, run

from tff_health.privacy.accountant import epsilon
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import ArmKey

SLOW_FIXTURES = ("finished",)
ARMS = ("patient", "shared", "sampled", "budgeted", "hospital", "tree")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("private")
    done = run(
        "run", str(write(base / "private.toml", top=ATTACKED, arms=HOSPITAL_ARM + TREE_ARM)), "--out", str(base / "run")
    )
    assert done.returncode == 0, done.stderr
    return base / "run"


@pytest.fixture(scope="module")
def results(finished: Path) -> dict[str, Any]:
    return json.loads((finished / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]


def ledger_of(folder: Path) -> PrivacyLedger:
    return PrivacyLedger(folder / "ledger" / "breast_cancer.jsonl", read_only=True)


def test_no_arm_spends_more_than_it_says(results: dict[str, Any]) -> None:
    spent = {name: results["arms"][name]["privacy"]["epsilon"] for name in ARMS}
    assert 0.99 < spent["patient"] <= 1.0
    assert 2.97 < spent["shared"] <= 3.0
    assert 9.9 < spent["hospital"] <= 10.0
    assert spent["budgeted"] <= 0.6
    assert results["arms"]["fedavg"]["privacy"] is None


def test_the_statement_is_whole(results: dict[str, Any]) -> None:
    for name in ARMS:
        privacy = results["arms"][name]["privacy"]
        assert privacy["unit"] == ("hospital" if name in ("hospital", "tree") else "patient")
        assert privacy["adjacency"].startswith("zero-out")
        for key in ("mechanism", "sampling", "accountant", "trust_model", "sentence"):
            assert privacy[key], (name, key)
        assert privacy["delta"] == 1e-5
    assert "Poisson" in results["arms"]["sampled"]["privacy"]["sampling"]
    shared = results["arms"]["shared"]["privacy"]
    assert shared["epsilon_against_colluding_hospital"] > shared["epsilon"]


def test_what_the_ledger_holds_is_what_the_mechanisms_cost(finished: Path, results: dict[str, Any]) -> None:
    import dp_accounting as dp

    ledger = ledger_of(finished)
    assert not ledger.unconfirmed
    planned = {"patient": 6, "shared": 4, "sampled": 2, "hospital": 2, "tree": 1}
    for name, steps in planned.items():
        for repeat in (1, 2):
            counted = ledger.steps(ArmKey("breast_cancer", name, repeat), "training")
            assert counted == dict.fromkeys(results["hospitals"], steps)
    sampled = dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(0.2, dp.GaussianDpEvent(2.0)), 2)
    assert results["arms"]["sampled"]["privacy"]["epsilon"] == pytest.approx(epsilon(sampled, 1e-5).epsilon, rel=1e-6)


def test_rounds_that_the_budget_does_not_cover_are_not_started(finished: Path, results: dict[str, Any]) -> None:
    import dp_accounting as dp

    steps = ledger_of(finished).steps(ArmKey("breast_cancer", "budgeted", 1), "training")
    (number,) = set(steps.values())
    gaussian = dp.GaussianDpEvent(10.0)
    assert epsilon(dp.SelfComposedDpEvent(gaussian, number), 1e-5).epsilon <= 0.6
    assert epsilon(dp.SelfComposedDpEvent(gaussian, number + 1), 1e-5).epsilon > 0.6
    assert f"{5 - number} of 5 rounds were not started" in results["arms"]["budgeted"]["privacy"]["sentence"]


def test_each_round_shows_what_was_spent(finished: Path, results: dict[str, Any]) -> None:
    with (finished / "rounds.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["epsilon"] for row in rows if row["arm"] in ("fedavg", "secure")} == {""}
    for name in ARMS:
        for seed in ("1", "2"):
            spent = [float(row["epsilon"]) for row in rows if row["arm"] == name and row["seed"] == seed]
            assert spent[0] == 0
            assert spent == sorted(spent)
            assert spent[-1] == pytest.approx(results["arms"][name]["privacy"]["epsilon"])


def test_simulated_secure_sums_are_labelled(finished: Path, results: dict[str, Any]) -> None:
    labels = {name: arm["secure_aggregation"] for name, arm in results["arms"].items()}
    assert {name for name, label in labels.items() if label == "simulated"} == {"secure", "shared"}
    assert results["arms"]["shared"]["privacy"]["secure_aggregation"] == "simulated"
    page = (finished / "report.html").read_text("utf-8")
    assert "NOT SECURE" in page


def test_every_arm_is_attacked_and_every_guarantee_audited(results: dict[str, Any]) -> None:
    for name, arm in results["arms"].items():
        assert set(arm["membership"]) == {"loss", "confidence", "lira"}, name
        assert arm["membership"]["lira"]["shadows"] == 16
        assert 0 <= arm["metrics"]["membership/auc"]["value"] <= 1
    for name in (*ARMS, "fedavg"):
        audit = results["arms"][name]["audit"]
        assert audit["epsilon_lower"] <= audit["ceiling"] + 1e-9
        assert audit["epsilon_claimed"] == (results["arms"][name]["privacy"] or {}).get("epsilon")
        # Right with 95 % confidence each, and far below in practice: one-run bounds are loose.
        assert not audit["flagged"], audit["sentence"]
    assert results["arms"]["fedavg"]["audit"]["epsilon_lower"] > 1
    assert results["arms"]["secure"]["audit"] is None
    control = results["membership_control"]
    assert control["overfitted"]["auc"]["low"] > 0.6


def test_the_totals_name_what_gives_no_guarantee(results: dict[str, Any]) -> None:
    totals = {total["unit"]: total for total in results["ledger"]}
    assert totals["patient"]["epsilon"] > 3.0
    assert "fedavg" in totals["patient"]["sentence"]
    assert "the report's statistics" in totals["patient"]["sentence"]
    assert totals["hospital"]["epsilon"] > 10.0


@pytest.mark.slow
def test_private_preprocessing_takes_its_part_of_the_budget_once(tmp_path: Path) -> None:
    dataset = 'private_preprocessing = { mode = "dp", noise_multiplier = 20.0, scaling = "standard" }'
    settings = write(tmp_path / "dp.toml", dataset=dataset)
    folder = tmp_path / "run"
    interrupt_when(folder, [str(settings)], arm="patient", rows=2, number=signal.SIGKILL)
    done = run("run", str(settings), "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    entries = [entry for entry in ledger_of(folder).entries if entry.kind == "preprocessing"]
    assert len(entries) == 1
    arms = json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]["arms"]
    for name in ("patient", "shared", "budgeted"):
        assert arms[name]["privacy"]["epsilon"] <= {"patient": 1.0, "shared": 3.0, "budgeted": 0.6}[name]
    # Six steps of epsilon 1 by themselves take a noise multiplier of 9.14; the release leaves them less.
    assert 9.25 < arms["patient"]["privacy"]["noise_multiplier"] < 9.35


def interrupt_when(folder: Path, arguments: list[str], *, arm: str, rows: int, number: signal.Signals) -> None:
    process = subprocess.Popen(
        command("run", *arguments, "--out", str(folder)), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    table = folder / "rounds.csv"
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if table.exists() and table.read_text("utf-8").count(f",{arm},") >= rows:
            break
        time.sleep(0.02)
    assert process.poll() is None, "the run ended before it could be interrupted"
    os.killpg(process.pid, number)
    process.wait(60)
    time.sleep(1.0)  # its children die with it


@pytest.mark.slow
def test_a_killed_run_never_spends_more_than_its_budget(tmp_path: Path) -> None:
    settings, folder = write(tmp_path / "private.toml"), tmp_path / "run"
    interrupt_when(folder, [str(settings)], arm="patient", rows=2, number=signal.SIGKILL)
    done = run("run", str(settings), "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    arms = json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]["arms"]
    ledger = ledger_of(folder)
    for name, limit in (("patient", 1.0), ("shared", 3.0), ("budgeted", 0.6)):
        assert arms[name]["privacy"]["epsilon"] <= limit
        for repeat in (1, 2):
            assert ledger.spent(ArmKey("breast_cancer", name, repeat)).epsilon <= limit
    # A round that was begun and lost counts for ever: the repeat may end a round short, and then says so.
    begun = ledger.steps(ArmKey("breast_cancer", "patient", 1), "training")
    assert set(begun.values()) == {6}


@pytest.mark.slow
def test_a_round_whose_noise_would_repeat_is_not_repeated(tmp_path: Path) -> None:
    settings, folder = write(tmp_path / "private.toml", arms=TREE_ARM), tmp_path / "run"
    interrupt_when(folder, [str(settings)], arm="tree", rows=3, number=signal.SIGKILL)
    ledger_file = folder / "ledger" / "breast_cancer.jsonl"
    before = ledger_of(folder)
    begun = max(before.steps(ArmKey("breast_cancer", "tree", 1), "begun").values())
    # As if the kill had come between the round and its checkpoint: the ledger knows of one round more.
    newest = max((folder / "checkpoints").rglob("arms/tree/*.ckpt"), key=lambda path: path.name)
    newest.unlink()
    done = run("run", str(settings), "--out", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    after = ledger_of(folder)
    assert max(after.steps(ArmKey("breast_cancer", "tree", 1), "begun").values()) == begun
    arms = json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]["arms"]
    assert "rounds were not started" in arms["tree"]["privacy"]["sentence"]
    assert arms["tree"]["privacy"]["epsilon"] <= 10.0
    assert ledger_file.exists()


def test_a_lost_ledger_is_noticed(tmp_path: Path, finished: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    settings = finished.parent / "private.toml"
    (folder / "ledger" / "breast_cancer.jsonl").unlink()
    done = run("run", str(settings), "--out", str(folder), "--resume")
    assert done.returncode == 1
    assert "bring the run folder's ledger/ back" in done.stderr


def test_no_state_of_noise_stays_behind(finished: Path) -> None:
    for name in ARMS:
        (checkpoint,) = (finished / "checkpoints" / "breast_cancer" / "arms" / name).glob("*.ckpt")
        assert b"level_buffer" not in checkpoint.read_bytes()


def refused(tmp_path: Path, **parts: str) -> str:
    done = run("run", str(write(tmp_path / "bad.toml", **parts)), "--out", str(tmp_path / "run"))
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


BAD_ARMS = {
    "epsilon 0": ('{ level = "patient", epsilon = 0.0, clip = 1.0 }', "epsilon must be above 0"),
    "no noise": (
        '{ level = "patient", noise_multiplier = 0.0, epsilon = 1.0, clip = 1.0 }',
        "noise_multiplier must be",
    ),
    "no clip": ('{ level = "patient", epsilon = 1.0, clip = 0.0 }', "clip"),
    "neither": ('{ level = "patient", clip = 1.0 }', "give epsilon"),
    "delta": ('{ level = "patient", epsilon = 1.0, clip = 1.0, delta = 0.01 }', "delta 0.01 is not below 1/n"),
    "adaptive": (
        '{ level = "hospital", mechanism = "gaussian-adaptive", epsilon = 5.0, clip = 1.0 }',
        "3 hospitals",
    ),
    "small budget": (
        '{ level = "patient", noise_multiplier = 0.5, epsilon = 1.0, clip = 1.0 }',
        "does not cover a single round",
    ),
    "two steps of shared noise": (
        '{ level = "patient", epsilon = 1.0, clip = 1.0, noise = "shared", local_steps = 2 }',
        "local_steps = 1",
    ),
    "foreign setting": ('{ level = "hospital", epsilon = 1.0, clip = 1.0, sampling_rate = 0.5 }', "sampling_rate"),
    "adaptive client": (
        '{ level = "patient", epsilon = 1.0, clip = 1.0, noise = "shared" }\nclient_optimizer = "adam"',
        "linear in the noise",
    ),
    "lost noise": (
        '{ level = "patient", epsilon = 1.0, clip = 1.0, noise = "shared" }\nclient_learning_rate = 1e-6',
        "rounding would swallow",
    ),
    "misspelt": ('{ level = "patient", epsilon = 1.0, clpi = 1.0, clip = 1.0 }', "clpi"),
}


@pytest.mark.parametrize("case", BAD_ARMS)
def test_bad_settings_get_one_sentence_before_training(case: str, tmp_path: Path) -> None:
    privacy, words = BAD_ARMS[case]
    arm = f'[datasets.breast_cancer.arms.bad]\nmethod = "fedavg"\nprivacy = {privacy}'
    assert words in refused(tmp_path, arms=arm)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('aggregator = "mean"', "weighted aggregation under a guarantee is refused"),
        ("client_learning_rate = [0.1, 1.0]", "one value"),
        ("batch_size = 16", "draws its own batches"),
    ],
)
def test_what_a_private_arm_cannot_have(settings: str, words: str, tmp_path: Path) -> None:
    privacy = 'privacy = { level = "patient", epsilon = 1.0, clip = 1.0 }'
    arm = f'[datasets.breast_cancer.arms.bad]\nmethod = "fedavg"\n{settings}\n{privacy}'
    assert words in refused(tmp_path, arms=arm)


def test_a_noisy_aggregator_without_accounting_is_refused(tmp_path: Path) -> None:
    arm = '[datasets.breast_cancer.arms.bad]\nmethod = "fedavg"\naggregator = "hospital-gaussian"'
    assert "must be accounted" in refused(tmp_path, arms=arm)


def test_hospital_level_privacy_cannot_rest_on_patient_level_preprocessing(tmp_path: Path) -> None:
    dataset = 'private_preprocessing = { mode = "dp", noise_multiplier = 40.0 }'
    assert 'mode = "public"' in refused(tmp_path, dataset=dataset, arms=HOSPITAL_ARM)


def test_a_release_that_takes_more_than_the_budget_is_refused(tmp_path: Path) -> None:
    dataset = 'private_preprocessing = { mode = "dp", noise_multiplier = 1.0, scaling = "standard" }'
    assert "already costs" in refused(tmp_path, dataset=dataset)
