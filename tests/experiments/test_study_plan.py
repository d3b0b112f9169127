"""From a study's file to its cells: sweeps, seeds, errors; nothing is run."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from typing import Any

import pytest
from small_experiment import ROOT, run
from small_study import PRIVATE, TINY, write_study

from data.errors import SettingsError, UnknownNameError
from tff_health.experiments.collections.settings import is_collection
from tff_health.experiments.studies.grid import expanded
from tff_health.experiments.studies.loading import load_study, read_study_document, studies, validate_study
from tff_health.experiments.studies.plan import describe_plan, plan_study
from tff_health.experiments.studies.settings import StudySettings
from tff_health.experiments.studies.sweeps import swept_name


def study(text: str = TINY, **changes: Any) -> StudySettings:
    return validate_study({**tomllib.loads(text), **changes}, "test")


def plan(text: str = TINY, **changes: Any):
    return plan_study(study(text, **changes), "test")


def test_a_sweep_replaces_its_template():
    arms = plan().cells[0].settings.datasets["paper_mock"].arms
    assert list(arms) == ["fedavg-client-learning-rate-0.1", "fedavg-client-learning-rate-0.5"]
    assert [arm.client_learning_rate for arm in arms.values()] == [0.1, 0.5]
    assert [arm.title for arm in arms.values()] == [
        "FedAvg, client learning rate 0.1",
        "FedAvg, client learning rate 0.5",
    ]


def test_sweeps_of_one_arm_make_a_grid():
    more = {"arm": "fedavg", "setting": "local_epochs", "values": [1, 2, 3]}
    document = tomllib.loads(TINY)
    arms = expanded(study(sweep=[*document["sweep"], more]))[0]["datasets"]["paper_mock"]["arms"]
    assert len(arms) == 6
    assert arms["fedavg-client-learning-rate-0.5-local-epochs-3"]["local_epochs"] == 3
    assert arms["fedavg-client-learning-rate-0.5-local-epochs-3"]["client_learning_rate"] == 0.5


def test_common_arms_stand_in_every_dataset_and_own_values_win():
    document = tomllib.loads(PRIVATE)
    experiment = document["experiment"]
    experiment["datasets"] = {"breast_cancer": {"arms": {"patient": {"privacy": {"clip": 0.25}}}}, "paper_mock": {}}
    made = {name: task["arms"] for name, task in expanded(study(PRIVATE, experiment=experiment))[0]["datasets"].items()}
    assert made["breast_cancer"]["patient-epsilon-1"]["privacy"] == {"level": "patient", "clip": 0.25, "epsilon": 1.0}
    assert made["paper_mock"]["patient-epsilon-1"]["privacy"] == {"level": "patient", "clip": 1.0, "epsilon": 1.0}
    assert list(made["paper_mock"]) == ["plain", "patient-epsilon-1", "patient-epsilon-10"]


def test_a_sweep_of_some_datasets_leaves_the_others_alone():
    document = tomllib.loads(PRIVATE)
    document["experiment"]["datasets"]["paper_mock"] = {}
    document["sweep"] = [{"arm": "plain", "setting": "local_epochs", "values": [1, 2], "datasets": ["paper_mock"]}]
    datasets = expanded(validate_study(document, "test"))[0]["datasets"]
    made = {name: list(task["arms"]) for name, task in datasets.items()}
    assert made["breast_cancer"] == ["plain", "patient"]
    assert made["paper_mock"] == ["plain-local-epochs-1", "plain-local-epochs-2", "patient"]


@pytest.mark.parametrize(
    ("value", "name"), [(0.1, "0.1"), (10.0, "10"), (1e-05, "1e-05"), (True, "true"), ("a/b c", "a_b_c"), (3, "3")]
)
def test_names_of_swept_arms(value, name):
    assert swept_name("arm", "privacy.some_setting", value) == f"arm-some-setting-{name}"


def test_cells_are_datasets_by_seeds():
    document = tomllib.loads(TINY)["experiment"]
    document["datasets"]["breast_cancer"] = {
        "options": {"split_seed": "{seed}"},
        "arms": {"fedavg": {"method": "fedavg"}},
    }
    del document["datasets"]["paper_mock"]["options"]
    document["datasets"]["breast_cancer"]["options"] = {}
    made = plan(experiment=document, dataset_seeds={"breast_cancer": [7, 8, 9]})
    assert [cell.name for cell in made.cells] == [
        "paper_mock-seed-1",
        "breast_cancer-seed-7",
        "paper_mock-seed-2",
        "breast_cancer-seed-8",
        "breast_cancer-seed-9",
    ]
    assert [cell.settings.seed for cell in made.cells] == [1, 7, 2, 8, 9]
    assert all(list(cell.settings.datasets) == [cell.dataset] for cell in made.cells)
    assert len({cell.settings.fingerprint for cell in made.cells}) == 5


def test_the_seed_can_be_a_datasets_option():
    document = tomllib.loads(TINY)["experiment"]
    arms = {"fedavg": {"method": "fedavg"}}
    document["datasets"] = {"heart_disease": {"options": {"split_seed": "{seed}"}, "arms": arms}}
    options = [cell.settings.datasets["heart_disease"].options for cell in plan(experiment=document, sweep=[]).cells]
    assert options == [{"split_seed": 1}, {"split_seed": 2}]


def test_attacks_run_in_the_first_seeds_only():
    assert [cell.settings.attacks.membership for cell in plan(PRIVATE).cells] == [True, False, False]


def test_absent_optional_datasets_are_left_out(tmp_path, monkeypatch):
    monkeypatch.delenv("TFF_HEALTH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    made = plan_study(load_study("privacy-utility"), "privacy-utility", tmp_path)
    assert list(made.datasets) == ["breast_cancer"]
    assert len(made.left_out) == 2
    assert "data fetch heart_disease" in made.left_out[0]
    assert made.left_out[0] in describe_plan(made)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"seeds": [1, 1]}, ["seeds", "seed 1 stands here twice"]),
        ({"seeds": []}, ["seeds", "at least 1"]),
        ({"seds": [1]}, ["unknown setting 'seds'", "did you mean 'seeds'"]),
        ({"dataset_seeds": {"paper_moc": [1]}}, ["did you mean 'paper_mock'"]),
        ({"sweep": [{"arm": "fedag", "setting": "rounds", "values": [1]}]}, ["unknown arm", "did you mean 'fedavg'"]),
        ({"sweep": [{"arm": "fedavg", "setting": "rouns", "values": [1]}]}, [".rouns'", "did you mean 'rounds'"]),
        ({"sweep": [{"arm": "fedavg", "setting": "rounds", "values": [0]}]}, ["rounds", "greater than or equal to 1"]),
        ({"sweep": [{"arm": "fedavg", "setting": "rounds", "values": []}]}, ["values", "at least 1"]),
        ({"sweep": [{"arm": "fedavg", "setting": "rounds", "values": [1, 1]}]}, ["value 1 stands here twice"]),
        ({"sweep": [{"arm": "fedavg", "setting": "method.x", "values": [1]}]}, ["method holds a value"]),
        ({"sweep": [{"arm": "fedavg", "setting": "privacy.epsilon", "values": [0.0], "datasets": ["mock"]}]}, ["mock"]),
        ({"sweep": [{"arm": "fedavg", "seting": "rounds", "values": [1]}]}, ["'sweep.seting'", "did you mean 'set"]),
        ({"experiment": {"seed": 3, "datasets": {}}}, ["experiment.seed", "its own seeds"]),
        ({"experiment": {"datasets": {}}}, ["expected a table for each dataset"]),
        ({"experiment": {"datasets": {"paper_mock": 3}}}, ["expected a table"]),
        ({"experiment": {"round": 3, "datasets": {"paper_mock": {}}}, "sweep": []}, ["unknown setting 'round'"]),
    ],
)
def test_bad_studies_get_one_sentence(changes, parts):
    with pytest.raises(SettingsError) as caught:
        plan(**changes)
    for part in parts:
        assert part in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


def test_studies_that_ship_are_valid_and_listed():
    assert {"privacy-utility", "paper-figure-10"} <= set(studies())
    for name in studies():
        if is_collection(read_study_document(name)):
            continue  # test_collections.py
        for quick in (False, True):
            made = plan_study(load_study(name, quick=quick), name, whole=True)
            assert made.cells
            if quick:
                assert {len(cells) for cells in made.datasets.values()} == {2}
    listed = run("list")
    assert "privacy-utility" in listed.stdout


def test_the_privacy_study_asks_for_what_its_issue_asks():
    made = plan_study(load_study("privacy-utility"), "privacy-utility", whole=True)
    for name, cells in made.datasets.items():
        assert len({cell.seed for cell in cells}) >= 5
        claims = [arm.privacy for arm in cells[0].settings.datasets[name].arms.values()]
        assert None in claims
        for level in ("patient", "hospital"):
            found = {claim.epsilon for claim in claims if claim and claim.level == level}
            assert found == {0.1, 0.5, 1.0, 3.0, 10.0}
        assert {claim.delta for claim in claims if claim} == {1e-5}
        assert {claim.noise for claim in claims if claim and claim.level == "patient"} == {"shared", "each-hospital"}


def test_overrides_and_unknown_names():
    changed = load_study("paper-figure-10", ["seeds=[3]", "experiment.rounds=4"])
    assert changed.seeds == (3,)
    assert changed.experiment["rounds"] == 4
    with pytest.raises(UnknownNameError, match="did you mean 'privacy-utility'"):
        load_study("privacy-utilty")
    with pytest.raises(UnknownNameError, match="did you mean 'paper_mock'"):
        load_study("paper-figure-10", ["experiment.datasets.paper_moc.model=mlp"])


def test_a_dry_run_is_fast_and_runs_nothing(tmp_path):
    path = write_study(tmp_path, TINY)
    clock = time.monotonic()
    done = run("study", str(path), "--dry-run", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - clock < 10  # under two seconds on an idle machine
    assert "2 cells, 4 models." in done.stdout
    assert "fedavg-client-learning-rate-0.5" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["study", "privacy-utility", "--dry-run"], ["study", "privacy-utilty"]])
def test_plans_without_importing_tensorflow(arguments):
    code = (
        "import sys; from tff_health.experiments.command_line import main\n"
        f"main({arguments!r})\n"
        "heavy = {'tensorflow', 'tensorflow_federated', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.endswith("HEAVY []\n"), done.stdout


@pytest.mark.parametrize(
    ("text", "parts"),
    [("study = [", ["not valid TOML"]), (TINY + "\nseds = 3\n", ["sweep.0.seds"]), ("", ["field required"])],
)
def test_broken_files_from_the_command_line(tmp_path, text, parts):
    done = run("study", str(write_study(tmp_path, text)), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
