"""What is said of a synthesizer's guarantee is what the ledger holds, and no figure stands without an entry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dp_accounting as dp
import numpy as np
import pytest
from interrupted_synthesizer import SCHEMA, Constant, Interrupted

from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.generators.cells import Cell
from tff_health.experiments.generators.entered import require_entry
from tff_health.experiments.sample_command import guarantee_line
from tff_health.experiments.synthesis.fitting import Part
from tff_health.experiments.synthesis.keeping import keep_generator
from tff_health.experiments.synthesis.outcome import _arm, dataset_result
from tff_health.experiments.synthesis.privacy import arm_privacy, ledger_totals
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.privacy.accountant import Accountant, epsilon
from tff_health.privacy.budget import Budget
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.privacy.ledger_file import LedgerError
from tff_health.synthesis.generator_archive import read_facts

NOISE = 4.0
RELEASE = dp.GaussianDpEvent(NOISE)
ROWS = {"hospital 1": 50, "hospital 2": 50}
SHARED = {"method": "label-histograms", "privacy": {"epsilon": 1.0}}


def of(*events: dp.DpEvent, accountant: Accountant = "pld") -> float:
    return epsilon(dp.ComposedDpEvent(list(events)), 1e-5, accountant).epsilon


def plan(target: float = 3.0, accountant: Accountant = "pld") -> ArmPlan:
    return ArmPlan(Interrupted(NOISE), Budget(target, 1e-5, "patient", accountant))


def settings(arms: dict[str, Any], **others: dict[str, Any]) -> SynthesisSettings:
    datasets: dict[str, Any] = {"heart": {"arms": arms, "splits": 2}, **others}
    return SynthesisSettings.model_validate(
        {"kind": "synthesis", "experiment": "x", "title": "x", "datasets": datasets}
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[PrivacyLedger]:
    with PrivacyLedger(tmp_path / "heart.jsonl") as opened:
        yield opened


def enter(ledger: PrivacyLedger, arm: str, repeat: int, *hospitals: str, event: dp.DpEvent = RELEASE) -> None:
    ledger.reserve(LedgerEntry("heart", arm, repeat, "patient", event, "training", hospitals or tuple(ROWS)))


class TestStatement:
    def test_no_noise_multiplier_is_named_but_the_mechanisms_own(self, ledger):
        enter(ledger, "private", 1)
        privacy = arm_privacy("heart", "private", plan(), ROWS, ledger)
        assert (privacy.model_extra or {})["noise_multiplier"] is None
        assert "Mechanism: noise on one sum (2 hospitals)" in privacy.sentence

    def test_a_repeated_fit_says_why_it_spent_more(self, ledger):
        enter(ledger, "private", 1)
        target = of(RELEASE)
        once = arm_privacy("heart", "private", plan(target), ROWS, ledger)
        assert once.epsilon == target
        assert "repeated" not in once.sentence
        enter(ledger, "private", 1)
        twice = arm_privacy("heart", "private", plan(target), ROWS, ledger)
        assert twice.epsilon == of(RELEASE, RELEASE)
        assert "A fit was interrupted in a release and repeated; both are counted." in twice.sentence

    def test_the_accountant_is_the_one_asked_for(self, ledger):
        enter(ledger, "private", 1)
        privacy = arm_privacy("heart", "private", plan(accountant="rdp"), ROWS, ledger)
        assert privacy.accountant == "rdp"
        assert privacy.epsilon == of(RELEASE, accountant="rdp") > of(RELEASE)
        rdp = {**SHARED, "privacy": {"epsilon": 1.0, "accountant": "rdp"}}
        assert ledger_totals(settings({"private": rdp}), "heart", ledger)[0].epsilon == privacy.epsilon
        mixed = settings({"private": rdp, "other": SHARED})
        assert ledger_totals(mixed, "heart", ledger)[0].epsilon == of(RELEASE)

    def test_limits_are_those_of_synthesis(self, ledger):
        enter(ledger, "private", 1)
        sentence = arm_privacy("heart", "private", plan(), ROWS, ledger).sentence
        for words in ("floating-point", "follows labels", "training.csv", "choosing among", "codebooks", "errors"):
            assert words in sentence.split("Not covered: ")[1]


class TestTotals:
    def test_generators_are_counted_once_and_releases_as_often_as_made(self, ledger):
        for repeat in (1, 1, 2):
            enter(ledger, "private", repeat)
        total = ledger_totals(settings({"private": SHARED}), "heart", ledger)[0]
        assert total.sentence.startswith("2 generators were fitted")
        assert total.releases == 3
        assert total.epsilon == of(RELEASE, RELEASE, RELEASE)

    def test_a_name_is_not_the_same_patients_in_every_split(self, ledger):
        """A release is lost in hospital 1 of split 1, one in hospital 2 of split 2: of one patient, perhaps."""
        arm = {"method": "label-histograms", "data": "each-hospital"}
        arm["privacy"] = {"epsilon": 1.0, "placement": "each-hospital"}  # type: ignore[assignment]
        for repeat, again in ((1, "hospital 1"), (2, "hospital 2")):
            for hospital in (*ROWS, again):
                enter(ledger, f"private/{hospital}", repeat, hospital)
        four = of(RELEASE, RELEASE, RELEASE, RELEASE)
        assert ledger.total("heart", "patient", 1e-5).private_arms == of(RELEASE, RELEASE, RELEASE) < four
        total = ledger_totals(settings({"private": arm}), "heart", ledger)[0]
        assert total.epsilon == four
        assert total.sentence.startswith("4 generators")

    def test_arms_without_a_guarantee_are_named_and_left_out(self, ledger):
        enter(ledger, "private", 1)
        enter(ledger, "plain", 1, event=dp.NonPrivateDpEvent())
        total = ledger_totals(settings({"private": SHARED, "plain": {"method": "ctgan"}}), "heart", ledger)[0]
        assert total.epsilon == of(RELEASE)
        assert "no guarantee per patient: plain used" in total.sentence
        assert ledger_totals(settings({"plain": {"method": "ctgan"}}), "heart", ledger) == []

    def test_datasets_of_the_same_source_are_named(self, ledger):
        enter(ledger, "private", 1)
        cleveland = {"source": "heart", "arms": {"private": SHARED}}
        plain = {"source": "heart", "arms": {"plain": {"method": "ctgan"}}}
        named = settings({"private": SHARED}, cleveland=cleveland, plain=plain, breast={"arms": {"private": SHARED}})
        total = ledger_totals(named, "heart", ledger)[0]
        assert "The patients of cleveland, from the same source, may be the same" in total.sentence
        assert "comes on top" in total.sentence
        alone = settings({"private": SHARED}, plain=plain)
        assert "same source" not in ledger_totals(alone, "heart", ledger)[0].sentence


class TestEntries:
    def test_every_cell_but_the_real_one_needs_an_entry(self, ledger):
        require_entry(ledger, "heart", "real", 0)
        enter(ledger, "private", 1)
        require_entry(ledger, "heart", "private", 0)
        for label, split in (("private", 1), ("other", 0)):
            with pytest.raises(
                LedgerError, match=rf"heart.jsonl lacks the fit of {label} .* split {split + 1}.*new run"
            ):
                require_entry(ledger, "heart", label, split)

    def test_results_of_an_empty_ledger_are_refused(self, ledger):
        cells = [Cell(0, "real", {}), Cell(0, "private", {})]
        with pytest.raises(LedgerError, match="lacks the fit of private"):
            dataset_result(settings({"private": SHARED}), "heart", None, cells, ledger)  # type: ignore[arg-type]


class TestGeneratorFile:
    part = Part("", (np.zeros((50, 2)), np.zeros((50, 2))), tuple(ROWS), (50, 50))

    def facts(self, tmp_path: Path, made: ArmPlan) -> dict[str, Any]:
        keep_generator(tmp_path, "heart", "private", Constant(SCHEMA), made, self.part)
        return read_facts(tmp_path / "model" / "heart--private.npz")

    def test_a_private_generator_carries_its_guarantee(self, tmp_path):
        facts = self.facts(tmp_path, plan(target=50.0))
        said = facts["privacy"]
        assert said["epsilon"] == of(RELEASE)  # of what ran, not of what was asked for
        assert (said["unit"], said["delta"], said["secure_aggregation"]) == ("patient", 1e-5, "simulated")
        assert said["adjacency"].startswith("zero-out")
        assert "share the noise" in said["trust_model"]
        for words in ("NOT SECURE", "comes on top", "subtracts its own share", "Not covered"):
            assert words in said["sentence"]
        line = guarantee_line(facts)
        assert "epsilon 0.927 per patient, delta 1e-05 (secure aggregation simulated: NOT SECURE)" in line
        assert "\n" not in line

    def test_without_noise_there_is_no_guarantee_and_the_file_says_so(self, tmp_path):
        facts = self.facts(tmp_path, ArmPlan(Interrupted(None), None))
        assert facts["privacy"]["epsilon"] is None
        assert "No guarantee" in facts["privacy"]["sentence"]
        assert "no guarantee per patient" in guarantee_line(facts)
        for silent in ({}, {"privacy": None}, {"privacy": {"label": 3}}):
            assert "names no guarantee" in guarantee_line(silent)


@pytest.mark.parametrize(("aggregator", "kind"), [("secure-weighted", "simulated"), ("mean", "none")])
def test_a_secure_aggregator_is_always_called_simulated(ledger, monkeypatch, aggregator, kind):
    from tff_health.experiments.synthesis import outcome

    monkeypatch.setattr(outcome, "_metrics", lambda *_: {})
    for name in ("column_comparisons", "column_summaries", "first_patients"):
        monkeypatch.setattr(outcome, name, lambda *_: [])
    monkeypatch.setattr(outcome, "table_correlation", lambda *_: None)
    document: dict[str, Any] = {key: {} for key in ("comparison", "table", "sample")}
    document |= {"kind": "ctgan", "rows": 5, "seconds": 1.0}
    chosen = settings({"ctgan": {"method": "ctgan", "options": {"aggregator": aggregator}}})
    hospitals: Any = type("Hospitals", (), {"training_rows": {}})
    arm = _arm(chosen, "heart", "ctgan", [Cell(0, "ctgan", document)], hospitals, ledger, 1, "simulated")
    assert arm.secure_aggregation == kind
    assert arm.synthesis is not None
    for text in (arm.description, " ".join(arm.synthesis.notes)):
        assert ("NOT SECURE" in text) == (kind == "simulated")
        assert "are plain ones" not in text  # its encoding's sums go the same way: tests/synthesis/test_ctgan_apart.py
