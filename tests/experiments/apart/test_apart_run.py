"""A run over hospitals that are apart, as users run it, against the same run on rows at hand."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import tensorflow as tf
from needs_door import needs_door
from small_experiment import run

pytestmark = needs_door
SLOW_FIXTURES = ("both",)
EXPERIMENT = """
experiment = "apart"
title = "Three clinics apart"
question = "Is it the same?"
rounds = 2
repeats = 1
folds = 2
bootstrap = 20
[datasets.breast_cancer]
options = { hospitals = 3 }
model = "mlp"
threshold = "youden"
private_preprocessing = { mode = "public", scaling = "symmetric-bounds" }
[datasets.breast_cancer.arms.fedavg]
method = "fedavg"
client_learning_rate = 0.1
local_epochs = 2
[datasets.breast_cancer.arms.secure]
method = "fedyogi"
aggregator = "secure-weighted"
client_learning_rate = 0.1
[datasets.breast_cancer.arms.private]
method = "fedavg"
client_learning_rate = 0.5
privacy = { level = "patient", epsilon = 5.0, clip = 0.5 }
[datasets.breast_cancer.arms.distributed]
method = "fedavg"
client_learning_rate = 0.1
privacy = { level = "hospital", epsilon = 20.0, mechanism = "discrete-gaussian", clip = 0.5 }
[datasets.breast_cancer.arms.alone]
method = "alone"
client_learning_rate = 0.1
"""
APART = ("fedavg", "secure", "private", "distributed")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "apart.toml"
    path.write_text(EXPERIMENT, "utf-8")
    return path


@pytest.fixture(scope="module")
def hospitals_place() -> Iterator[Path]:
    """Where the simulated hospitals have their folders: no other test's, and short, for sockets' names are."""
    folder = Path(tempfile.mkdtemp(prefix="apart-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def both(settings: Path, hospitals_place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the run apart and of the run on rows at hand."""
    root = tmp_path_factory.mktemp("runs")
    place = {"TMPDIR": str(hospitals_place)}
    apart = run("run", str(settings), "--out", str(root / "apart"), "--simulate-hospitals", "3", env=place)
    assert apart.returncode == 0, apart.stderr
    assert "alone left out: the rows they need never leave the hospitals." in apart.stderr
    together = run("run", str(settings), "--out", str(root / "together"))
    assert together.returncode == 0, together.stderr
    return root / "apart", root / "together"


def arms(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))["datasets"]["breast_cancer"]["arms"]


@pytest.mark.parametrize(("arm", "tolerance"), [("fedavg", 1e-6), ("secure", 1e-5)])
def test_weights_are_the_same(both, arm, tolerance):
    name = f"model/breast_cancer--{arm}.keras"
    apart, together = (tf.keras.models.load_model(folder / name, compile=False).get_weights() for folder in both)
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("arm", ["fedavg", "secure"])
def test_rounds_are_scored_the_same(both, arm):
    tables = [pd.read_csv(folder / "rounds.csv") for folder in both]
    apart, together = (table[table["arm"] == arm] for table in tables)
    np.testing.assert_allclose(apart["train_loss"], together["train_loss"], atol=2e-6)
    np.testing.assert_allclose(apart["auc"], together["auc"], atol=2e-3)
    np.testing.assert_allclose(apart["loss"], together["loss"], atol=5e-3)
    np.testing.assert_allclose(apart["accuracy"], together["accuracy"], atol=0.01)


def test_sums_are_masked_and_said_to_be(both):
    apart, together = map(arms, both)
    assert apart["secure"]["secure_aggregation"] == "masked"
    assert together["secure"]["secure_aggregation"] == "simulated"
    assert apart["distributed"]["secure_aggregation"] == "masked"
    for arm in ("private", "distributed"):
        assert apart[arm]["privacy"]["epsilon"] == together[arm]["privacy"]["epsilon"]
    pages = [(folder / "report.html").read_text("utf-8") for folder in both]
    assert ["simulated: NOT SECURE" in page for page in pages] == [False, True]
    assert ["each in a worker of its own" in page for page in pages] == [True, False]


def test_bytes_and_seconds_are_counted(both):
    traffic = pd.read_csv(both[0] / "traffic.csv")
    assert not (both[1] / "traffic.csv").exists()
    assert set(traffic["hospital"]) == {"hospital 1", "hospital 2", "hospital 3"}
    assert traffic.groupby("arm")["step"].max().to_dict() == dict.fromkeys(APART, 2)
    weights = tf.keras.models.load_model(both[0] / "model/breast_cancer--fedavg.keras", compile=False).get_weights()
    update = sum(value.nbytes for value in weights)
    later = traffic[(traffic["step"] == 2) & (traffic["arm"] == "fedavg")]
    # The model goes there for training, for two scorings, and comes back once; counts of scores are 16 kB each.
    assert (later["bytes_to_hospital"] > 3 * update).all()
    assert (later["bytes_from_hospital"].between(update, update + 60_000)).all()
    assert (later["seconds_hospitals"] > 0).all()
    cost = arms(both[0])["fedavg"]["cost"]
    assert cost["bytes_up"] == pytest.approx(later["bytes_from_hospital"].mean())
    assert "Bytes to a hospital, a round" in (both[0] / "report.html").read_text("utf-8")


def test_the_run_folder_holds_no_patient_and_no_key(both):
    assert set(arms(both[0])) == set(APART)
    assert len(pd.read_csv(both[0] / "predictions.csv")) == 0
    for path in both[0].rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"PRIVATE KEY" not in content, path
            assert b"tffmask1" not in content, path


def test_nothing_is_left_running_or_lying_about(both, hospitals_place):
    left = [words for process in psutil.process_iter() if str(hospitals_place) in (words := _words(process))]
    assert not left
    assert not [path for path in hospitals_place.iterdir() if path.name.startswith("tff-health-")]


def _words(process: psutil.Process) -> str:
    """Its command line and where it runs: a hospital's processes have their folder in one or the other."""
    try:
        return " ".join([*process.cmdline(), process.cwd()])
    except psutil.Error:
        return ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--simulate-hospitals", "4"], "breast_cancer has 3 hospitals that train, not 4: give --simulate-hospitals 3"),
        (["--simulate-hospitals", "3", "--hospitals", "roster.toml"], "exclude each other"),
        (["--identity", "coordinator"], "--identity is for --hospitals"),
        (["--hospitals", "nowhere.toml"], "nowhere.toml cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(settings, tmp_path, arguments, words):
    done = run("run", str(settings), "--out", str(tmp_path / "run"), *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
