"""A card for every saved generator, of nothing but the results."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tff_health.reporting.cards import write_cards
from tff_health.reporting.record import load_run
from tff_health.reporting.results import load_results, save_results
from tff_health.runtime.file_names import arm_file

ODD = "<script>alert(1)</script> `[x](http://evil) *b*"


@pytest.fixture
def images_run(images_reported: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    shutil.copytree(images_reported, folder)
    return folder


def save(folder: Path, dataset: str, label: str) -> None:
    for part, ending in (("model", ".npz"), ("synthetic", ".npz")):
        path = arm_file(folder, part, dataset, label, ending)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")


def test_a_card_says_what_the_results_say(images_run: Path):
    results = load_results(images_run / "results.json")
    (name,) = results.datasets
    private = next(label for label, arm in results.datasets[name].arms.items() if arm.privacy)
    for label in ("dcgan", private):
        save(images_run, name, label)
    written = write_cards(load_run(images_run))
    assert [path.name for path in written] == [f"{name}--dcgan.md", f"{name}--{private}.md"]
    plain, guarded = (path.read_text("utf-8") for path in written)
    dcgan = results.datasets[name].arms["dcgan"]
    assert f"{dcgan.metric('tstr/cnn/auc').value:.3f}" in plain
    assert f"{results.datasets[name].images.real_metrics['trtr/cnn/auc'].value:.3f}" in plain  # type: ignore[union-attr]
    assert f"sample model/{name}--dcgan.npz" in plain
    assert "No guarantee" in plain
    assert "An attack that finds nothing is no guarantee" in plain
    assert "No guarantee" not in guarded
    assert re.search(r"Epsilon \d[\d.]* at delta", guarded)
    assert f"synthetic/{name}--dcgan.npz` holds {dcgan.images.images:,} images" in plain  # type: ignore[union-attr]


def test_a_hospital_s_own_generator_and_a_control_are_not_said_to_have_seen_all(images_run: Path):
    results = load_results(images_run / "results.json")
    (name,) = results.datasets
    dataset = results.datasets[name]
    first, second, *_ = dataset.hospitals
    dcgan = dataset.arms["dcgan"]
    control = dcgan.model_copy(update={"images": dcgan.images.model_copy(update={"purpose": "control"})})  # type: ignore[union-attr]
    dataset.arms = {f"own-generator/{first}": dcgan, "learnt-by-heart": control}
    save_results(results, images_run / "results.json")
    for label in dataset.arms:
        save(images_run, name, label)
    own, heart = (path.read_text("utf-8") for path in write_cards(load_run(images_run)))
    hospitals = next(line for line in own.splitlines() if line.startswith("- hospitals:"))
    assert first in hospitals
    assert second not in hospitals
    assert "fitted on a part of these alone" in heart
    assert "fitted on a part" not in own


def test_what_was_not_saved_has_none(images_run: Path):
    assert write_cards(load_run(images_run)) == []


def test_odd_names_are_text_and_lead_nowhere(images_run: Path):
    results = load_results(images_run / "results.json")
    (name,) = results.datasets
    dataset = results.datasets[name]
    dataset.title = ODD
    dataset.arms = {"../../up": dataset.arms["dcgan"].model_copy(update={"title": ODD, "settings": {"a": ODD}})}
    save_results(results, images_run / "results.json")
    save(images_run, name, "../../up")
    (card,) = write_cards(load_run(images_run))
    assert card.parent == images_run / "cards"
    text = card.read_text("utf-8")
    outside = re.sub(r"(?s)(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<script>" not in outside.replace("\\<", "")
    assert json.dumps({"a": ODD}) in text
    assert "](http" not in outside.replace("\\]", "")
    assert "*b*" not in outside
