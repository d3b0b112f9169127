"""Experiments on tables say at once that a dataset holds images, before its files are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import SettingsError
from tff_health.experiments.kinds import settings_class
from tff_health.experiments.run import run_experiment

CLASSIFICATION = {
    "experiment": "x",
    "title": "x",
    "rounds": 1,
    "datasets": {"mine": {"arms": {"fedavg": {"method": "fedavg"}}}},
}
SYNTHESIS = {
    "kind": "synthesis",
    "experiment": "x",
    "title": "x",
    "datasets": {"mine": {"arms": {"histograms": {"method": "label-histograms"}}, "splits": 2}},
}


@pytest.mark.parametrize("source", ["xray_phantom", "chest_xray", "data.xray_phantom:load"])
@pytest.mark.parametrize("document", [CLASSIFICATION, SYNTHESIS], ids=["classification", "synthesis"])
def test_images_are_refused_before_a_folder_is_made(document: dict, source: str, tmp_path: Path):
    task = {**document["datasets"]["mine"], "source": source}
    settings = settings_class(document).model_validate({**document, "datasets": {"mine": task}})
    with pytest.raises(
        SettingsError, match=r"holds images, and this kind of experiment works on tables; choose a data"
    ):
        run_experiment(settings, tmp_path / "out", data_dir=tmp_path, quiet=True)
    assert not (tmp_path / "out").exists()
