"""A user's own aggregator, model, metric and figure, from a folder outside the project."""

from __future__ import annotations

import json

from conftest import SMALL, run

MINE = """
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.evaluation.registry import register_metric


def factory():
    return tff.aggregators.UnweightedMeanFactory()


def model(shape):
    return tf.keras.Sequential(
        [tf.keras.layers.InputLayer(shape), tf.keras.layers.Dense(3, "tanh"), tf.keras.layers.Dense(1, "sigmoid")]
    )
"""
REGISTERED = """
from matplotlib.figure import Figure

from tff_health.evaluation.registry import register_metric
from tff_health.reporting.figures.registry import Drawing, register_figure


@register_metric("share_called_positive")
def share(predictions):
    "share of patients called positive"
    return float(predictions.predicted.mean())


@register_figure("mine", "My own figure")
def mine(record):
    figure = Figure()
    figure.add_subplot().plot([0, 1], [1, 0])
    return Drawing(figure, "My own caption.", "A falling line.")
"""


def test_own_aggregator_model_metric_and_figure(tmp_path):
    (tmp_path / "mine.py").write_text(MINE, "utf-8")
    (tmp_path / "registered.py").write_text(REGISTERED, "utf-8")
    (tmp_path / "own.toml").write_text(SMALL.format(top='extensions = ["registered"]'), "utf-8")
    arguments = ["run", "own.toml", "--out", "out", "--set", "aggregator=mine:factory", "--set", "model=mine:model"]
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    arms = results["datasets"]["paper_mock"]["arms"]
    assert arms["fedavg"]["settings"]["aggregator"] == "mine:factory"
    assert arms["fedavg"]["settings"]["model"] == "mine:model"
    assert arms["fedavg"]["privacy"] is None
    assert 0 <= arms["fedavg"]["metrics"]["test/share_called_positive"]["value"] <= 1
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "My own caption." in page


def test_a_broken_extension_gets_one_sentence(tmp_path):
    (tmp_path / "own.toml").write_text(SMALL.format(top='extensions = ["nowhere"]'), "utf-8")
    done = run("run", "own.toml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr
