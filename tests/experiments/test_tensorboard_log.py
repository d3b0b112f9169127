"""Curves in TensorBoard are those of the tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf
from small_experiment import run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tff_health.experiments.images.tables import IMAGE_TABLES
from tff_health.experiments.tensorboard_log import TensorBoardLog
from tff_health.runtime.file_names import safe_name


def curve(folder: Path, name: str) -> dict[int, float]:
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(name)}


@pytest.mark.slow
def test_a_run_s_curves_are_those_of_its_table(small_experiment: Path, tmp_path: Path):
    done = run("run", str(small_experiment), "--out", str(tmp_path / "out"), "--tensorboard")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "rounds.csv")
    for (arm, seed), rows in table.groupby(["arm", "seed"]):
        place = (tmp_path / "out" / "tensorboard" / "paper_mock").joinpath(
            *map(safe_name, arm.split("/"))
        ) / f"seed-{seed}"
        for name in ("accuracy", "loss"):
            found = curve(place, name)
            assert list(found) == rows["round"].tolist()
            assert list(found.values()) == pytest.approx(rows[name].tolist())


def test_other_tables_and_missing_values_are_passed_over(tmp_path: Path):
    columns = IMAGE_TABLES["training"]
    log = TensorBoardLog(tmp_path)
    log.rows("scores", IMAGE_TABLES["scores"], [("d", "a", 1, "auc", 0.5)])
    log.rows("training", columns, [("../d", "a/b", 1, k, 10 * k, 0.5 * k, None, float("nan"), 0.0) for k in (1, 2)])
    log.close()
    (place,) = {path.parent for path in tmp_path.rglob("events*")}
    assert place.parent.parent.parent.parent == tmp_path / "tensorboard"
    assert place.name == "seed-1"
    assert curve(place, "discriminator_loss") == {1: 0.5, 2: 1.0}
    assert curve(place, "updates") == {1: 10.0, 2: 20.0}
    names = EventAccumulator(str(place)).Reload().Tags()["tensors"]
    assert set(names) == {"updates", "discriminator_loss", "gradient_penalty"}
    TensorBoardLog(tmp_path)
    assert not (tmp_path / "tensorboard").exists()
