"""What the report says of synthetic images where a run has little, one seed, other images or bad news."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from images_example import dataset, write_images_run
from report_text import plain, section

from tff_health.reporting.report import make_report

pytestmark = pytest.mark.usefixtures("plain_figures")


def _report(folder: Path, document: dict[str, Any]) -> str:
    write_images_run(folder, {"chest_xray": document})
    return make_report(folder).read_text(encoding="utf-8")


def _as_json(document: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(document, default=lambda value: value.tolist())))


def test_little_is_enough(tmp_path: Path):
    document = dataset()
    document["arms"] = {"mine": {"title": "Mine <b>", "images": {"kind": "mine"}}}
    document["images"] = None
    text = plain(_report(tmp_path, document))
    assert "the CNN reaches no defined AUC; it was not held against real images" in text
    assert "Mine <b>" in text
    assert "No privacy guarantee is claimed for these arms: Mine <b>" in text
    assert "Whether training patients can be told from the synthetic images was not tried." in text


def test_one_arm_without_a_guarantee_is_reported(tmp_path: Path):
    document = dataset()
    document["arms"] = {"dcgan": document["arms"]["dcgan"]}
    page = _report(tmp_path, document)
    text = plain(page)
    assert "No generator has a privacy guarantee in this run" in text
    assert "Which private arm at which epsilon?" not in text
    assert "No generator of this run has a guarantee." in text
    assert "This attack has no overfitted control here" in text
    assert "What privacy costs" not in plain(section(page, "dataset-1-images"))


def test_private_arms_alone_are_reported(tmp_path: Path):
    document = dataset()
    document["arms"] = {name: arm for name, arm in document["arms"].items() if arm.get("privacy")}
    text = plain(_report(tmp_path, document))
    assert "Every generator of images here has a privacy guarantee" in text
    assert "No arm without a guarantee stands beside the private ones" in text
    assert "Best at epsilon 10: Private DCGAN" in text


def test_one_seed_has_no_interval_between_generators(tmp_path: Path):
    document = _as_json(dataset())
    document["images"]["seeds"] = 1
    for metrics in (document["images"]["real_metrics"], *(arm["metrics"] for arm in document["arms"].values())):
        for metric in metrics.values():
            metric["seeds"] = metric.get("seeds", [])[:1]
    text = plain(_report(tmp_path, document))
    assert "one seed cannot tell; they are set against real images" in text
    assert "(1 shared seed, no paired interval)" in text
    assert "without intervals over seeds nothing follows" in text
    assert "clearly worse, by the paired interval" not in text
    assert "one seed, so one generator of each arm" in text
    assert "1, each with a generator of every arm and classifiers of its own: no interval between generators" in text
    assert "of one seed, over resamples of images" in text


def test_phantoms_and_other_sources_have_their_own_caveats(tmp_path: Path):
    document = dataset()
    document |= {"kind": "simulated", "source": "drawn by this software", "title": "Phantoms", "notes": []}
    page = _report(tmp_path, document)
    text = plain(page)
    assert "Phantoms: the images are phantoms drawn by a program, which say nothing about patients." in text
    assert "Simulated images, no patients" in text
    for words in (
        "PneumoniaMNIST",
        "ResNet-18",
        "P2 says",
        "simulated rows",
        "all seeds share",
        "It shows images of real",
    ):
        assert words not in text


def test_an_attack_that_finds_patients_and_copies_are_said_aloud(tmp_path: Path):
    document = _as_json(dataset())
    arm = document["arms"]["dcgan"]
    arm["metrics"]["memorisation/exact_copies"]["value"] = 0.031
    arm["metrics"]["memorisation/dcr_share"] |= {"value": 0.7, "low": 0.66, "high": 0.74}
    arm["metrics"]["memorisation/psnr_median"] |= {"value": 30.0, "low": 29.0, "high": 31.0}
    arm["membership"]["nearest"]["auc"] |= {"value": 0.71, "low": 0.69, "high": 0.73}
    text = plain(section(_report(tmp_path, document), "answer"))
    assert "The nearest-neighbour attack tells training patients from others on 1 of 5 generators" in text
    assert "Exact copies of training images: Federated DCGAN 3.1 % (held-out images equal to a " in text
    assert "more images than chance allows lie nearer to training than to held-out images (0.5 ideal)" in text
    assert "30.0 dB against 21.5 dB, CLOSER than strangers' images" in text
    # A median over copies is infinite, which results.json has as null: the worst result must not fall out.
    arm["metrics"]["memorisation/psnr_median"] = {"value": float("inf")}
    text = plain(section(_report(tmp_path, document), "answer"))
    assert "(higher is closer): Federated DCGAN PSNR INFINITE, as most are COPIES, against 21.5 dB" in text


def test_another_classifier_speaks_where_there_is_no_network(tmp_path: Path):
    document = _as_json(dataset())
    document["images"]["classifiers"] = ["random-forest"]
    for metrics in (document["images"]["real_metrics"], *(arm["metrics"] for arm in document["arms"].values())):
        for name in [name for name in metrics if name.count("/") == 2 and name.split("/")[1] not in ("random-forest",)]:
            if not name.startswith("diversity"):
                del metrics[name]
    text = plain(_report(tmp_path, document))
    assert "The random forest trained on the images of Federated DCGAN reaches AUC 0.8" in text
    assert "Random forest AUC stands for an arm" in text
