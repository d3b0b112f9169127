"""docs/privacy.md: every number that it promises is what the accountant gives."""

from __future__ import annotations

import math
import re
from pathlib import Path

import dp_accounting as dp
import pytest

from tff_health.experiments.images.privacy import NOT_COVERED as IMAGES_NOT_COVERED
from tff_health.experiments.synthesis.privacy import NOT_COVERED as SYNTHESIS_NOT_COVERED
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.calibration import noise_for_epsilon
from tff_health.privacy.statement import NEVER_COVERED, NOT_COVERED, format_epsilon

PAGE = (Path(__file__).parent.parent.parent / "docs" / "privacy.md").read_text("utf-8")
FLAT = re.sub(r"\s+", " ", PAGE)


def gaussians(noise: float, steps: int) -> dp.DpEvent:
    return dp.SelfComposedDpEvent(dp.GaussianDpEvent(noise), steps)


def cost(event: dp.DpEvent) -> str:
    return format_epsilon(epsilon(event, 1e-5).epsilon)


def noise_of(target: float, steps: int) -> float:
    return noise_for_epsilon(lambda noise: gaussians(noise, steps), target, 1e-5)


def table(name: str) -> list[list[str]]:
    lines = PAGE.split(f"<!-- table: {name} -->\n")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_hospital_level_table():
    rows = table("hospital level")
    assert len(rows) == 4
    for rounds, printed in rows:
        assert printed == cost(gaussians(1.0, int(rounds)))


def test_hospital_level_in_words():
    five, hundred = (epsilon(gaussians(1.0, rounds), 1e-5).epsilon for rounds in (5, 100))
    assert f"Five rounds are epsilon {five:.1f} and a hundred rounds nearly {hundred:.0f}:" in FLAT
    assert hundred < 92
    assert f"take a noise multiplier of {noise_of(1.0, 5):.2f}," in FLAT


def test_shared_noise_table():
    rows = table("shared noise")
    assert len(rows) == 3
    for target, noise, against in rows:
        exact = noise_of(float(target), 20)
        assert noise == f"{exact:.3g}"
        assert against == cost(gaussians(exact * math.sqrt(4 / 5), 20))


def test_repeats_table():
    noise = noise_of(1.0, 20)
    rows = table("repeats")
    assert len(rows) == 4
    for repeats, printed in rows:
        assert printed == cost(gaussians(noise, 20 * int(repeats)))


def test_sampling_in_words():
    sampled = dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(2.0)), 100)
    words = f"100 steps at noise multiplier 2 cost epsilon {cost(sampled)} at sampling rate 0.1, and "
    assert words + f"{cost(gaussians(2.0, 100))} without sampling" in FLAT


def test_factors_in_words():
    for target in (1, 3, 10):
        assert f"{math.exp(target):,.3g}" in FLAT or f"{math.exp(target):,.0f}" in FLAT


@pytest.mark.parametrize("limit", NOT_COVERED)
def test_every_limit_of_the_statement_is_on_the_page(limit):
    section = PAGE.split("## What is not covered")[1].split("\n## ")[0].lower()
    key = {
        "noise": "floating-point",
        "pseudo-random": "random number generator",
        "side": "side channels",
        "choosing": "choosing settings",
        "scores": "test scores",
        "numbers": "row counts",
        "patients": "several rows or hospitals",
    }[limit.split()[0]]
    assert key in section


def test_limits_of_synthesis_are_on_the_page():
    section = re.sub(r"\s+", " ", PAGE.split("## What is not covered")[1].split("\n## ")[0])
    assert set(NEVER_COVERED) < set(SYNTHESIS_NOT_COVERED)
    for words in (
        "divided into training and held-out patients, which follows labels",
        "distances, copies, attacks, curves while training",
        "scores.csv",
        "training.csv",
        "choosing among synthesizers by such scores",
        "the schema with its bounds and codebooks",
        "errors that stop a run",
    ):
        assert words in section.replace("`", "")
        assert any(words in limit for limit in SYNTHESIS_NOT_COVERED)
    assert "`checkpoints/` hold hashes of training rows" in section


def test_limits_of_synthetic_images_are_on_the_page():
    section = re.sub(r"\s+", " ", PAGE.split("## What is not covered")[1].split("\n## ")[0])
    assert set(NEVER_COVERED) < set(IMAGES_NOT_COVERED)
    for words in ("several images of one patient", "classifiers trained on real images", "real images that"):
        assert words in section
        assert any(words in limit for limit in IMAGES_NOT_COVERED)
    assert "a classifier trained on them, all without noise" in section


def test_trust_models_and_their_label_are_named():
    for words in (
        "| each hospital |",
        "| shared noise |",
        "| distributed DP |",
        "| central |",
        "simulated: NOT SECURE",
    ):
        assert words in FLAT


def test_sources_are_numbered_and_all_cited():
    listed = re.findall(r"^(\d+)\. ", PAGE.split("## Sources")[1], flags=re.MULTILINE)
    cited = {number for group in re.findall(r"\[([\d, ]+)\]", PAGE) for number in group.split(", ")}
    assert listed == [str(number) for number in range(1, len(listed) + 1)]
    assert cited == set(listed)
