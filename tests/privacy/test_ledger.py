"""The ledger: nothing runs unentered, nothing entered is forgotten, nothing is spent twice or in secret."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import dp_accounting as dp
import pytest

from data.errors import SettingsError
from tff_health.privacy import accountant
from tff_health.privacy.accountant import epsilon
from tff_health.privacy.budget import Budget, BudgetExhausted
from tff_health.privacy.calibration import noise_for_epsilon
from tff_health.privacy.ledger import AccountingError, PrivacyLedger, assert_steps_equal
from tff_health.privacy.ledger_entry import ArmKey, LedgerEntry, decode_entry, encode_entry
from tff_health.privacy.ledger_file import LedgerError

HOSPITALS = ("east", "north", "south")
KEY = ArmKey("heart", "dp", 0)
STEP = dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(3.0))


def entry(event=STEP, arm="dp", repeat=0, unit="patient", hospitals=HOSPITALS, count=1, kind="training", **others):
    return LedgerEntry("heart", arm, repeat, unit, event, kind, hospitals, count, **others)


@pytest.fixture
def ledger(tmp_path):
    with PrivacyLedger(tmp_path / "privacy" / "heart.jsonl") as opened:
        yield opened


def run_step(ledger, *args, **kwargs):
    ledger.confirm(ledger.reserve(entry(*args, **kwargs)))


class TestSpending:
    def test_steps_add_up_to_the_accountants_epsilon(self, ledger):
        for _ in range(5):
            run_step(ledger, count=4)
        spent = ledger.spent(KEY, "patient", 1e-5)
        assert spent.epsilon == epsilon(dp.SelfComposedDpEvent(STEP, 20), 1e-5).epsilon
        assert spent.accountant == "pld"
        assert spent.by_hospital == dict.fromkeys(HOSPITALS, spent.epsilon)

    def test_maximum_over_hospitals(self, ledger):
        run_step(ledger, count=2)
        run_step(ledger, hospitals=("south",), count=7)
        spent = ledger.spent(KEY, "patient", 1e-5)
        assert spent.by_hospital["south"] == spent.epsilon == epsilon(dp.SelfComposedDpEvent(STEP, 9), 1e-5).epsilon
        assert spent.by_hospital["east"] == epsilon(dp.SelfComposedDpEvent(STEP, 2), 1e-5).epsilon

    def test_shared_preprocessing_is_charged_to_every_arm(self, ledger):
        statistics = dp.GaussianDpEvent(5.0)
        run_step(ledger, statistics, arm=None, repeat=None, hospitals="all", kind="preprocessing")
        run_step(ledger, count=60)
        run_step(ledger, arm="other", count=10)
        both = dp.ComposedDpEvent([statistics, dp.SelfComposedDpEvent(STEP, 60)])
        assert ledger.spent(KEY, "patient", 1e-5).epsilon == epsilon(both, 1e-5).epsilon
        untouched = ledger.spent(ArmKey("heart", "dp", 1), "patient", 1e-5)
        assert untouched.epsilon == epsilon(statistics, 1e-5).epsilon

    def test_total_composes_arms_and_repeats(self, ledger):
        for arm, repeat in (("dp", 0), ("dp", 1), ("other", 0)):
            run_step(ledger, arm=arm, repeat=repeat, count=20)
        total = ledger.total("heart", "patient", 1e-5)
        assert total.epsilon == total.private_arms == epsilon(dp.SelfComposedDpEvent(STEP, 60), 1e-5).epsilon
        assert total.unprotected_arms == ()

    def test_an_arm_without_privacy_makes_the_total_infinite_and_says_so(self, ledger):
        run_step(ledger, count=20)
        run_step(ledger, dp.NonPrivateDpEvent(), arm="fedavg")
        total = ledger.total("heart", "patient", 1e-5)
        assert total.epsilon == math.inf
        assert total.unprotected_arms == ("fedavg",)
        assert total.private_arms == epsilon(dp.SelfComposedDpEvent(STEP, 20), 1e-5).epsilon
        assert "fedavg" in total.note
        assert ledger.spent(KEY, "patient", 1e-5).epsilon < math.inf

    def test_a_unit_that_is_not_named_is_not_protected(self, ledger):
        run_step(ledger)
        spent = ledger.spent(KEY, "hospital", 1e-5)
        assert spent.epsilon == math.inf
        assert "training" in spent.note

    def test_one_release_can_protect_both_units(self, ledger):
        run_step(ledger, other_units={"hospital": dp.GaussianDpEvent(2.0)})
        assert ledger.spent(KEY, "hospital", 1e-5).epsilon == epsilon(dp.GaussianDpEvent(2.0), 1e-5).epsilon
        assert ledger.spent(KEY, "patient", 1e-5).epsilon == epsilon(STEP, 1e-5).epsilon

    def test_public_bounds_cost_nothing_for_any_unit(self, ledger):
        run_step(ledger, dp.NoOpDpEvent(), arm=None, repeat=None, hospitals="all", kind="preprocessing")
        assert ledger.spent(KEY, "hospital", 1e-5).epsilon == 0
        assert ledger.spent(KEY, "patient", 1e-5).epsilon == 0

    def test_nothing_entered_is_nothing_spent(self, ledger):
        assert ledger.spent(KEY, "patient", 1e-5).epsilon == 0
        with pytest.raises(SettingsError, match="no budget"):
            ledger.spent(KEY)


class TestBudget:
    def test_calibrated_steps_fit_and_the_next_is_refused_before_it_runs(self, ledger):
        noise = noise_for_epsilon(
            lambda z: dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(z)), 12), 1.0, 1e-5
        )
        step = dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(noise))
        ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
        for _ in range(12):
            ledger.allow(KEY, step)
            run_step(ledger, step)
        assert not ledger.fits(KEY, step)
        with pytest.raises(BudgetExhausted, match=r"stops after 12 steps: .* epsilon 0\.9.* of 1 .*per patient"):
            ledger.reserve(entry(step))
        assert len(ledger.entries) == 12
        assert ledger.spent(KEY).epsilon <= 1.0

    def test_budget_smaller_than_one_step(self, ledger):
        ledger.set_budget(KEY, Budget(0.5, 1e-5, "patient"))
        with pytest.raises(BudgetExhausted, match=r"before its first step.*even one step costs more"):
            ledger.allow(KEY, dp.GaussianDpEvent(1.0), HOSPITALS)

    def test_one_hospital_can_exhaust_it_for_all(self, ledger):
        ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
        run_step(ledger, dp.GaussianDpEvent(4.5), hospitals=("south",))
        assert ledger.fits(KEY, dp.GaussianDpEvent(4.5), ("east", "north"))
        assert not ledger.fits(KEY, dp.GaussianDpEvent(4.5), HOSPITALS)
        assert not ledger.fits(KEY, dp.GaussianDpEvent(4.5))

    def test_preprocessing_leaves_less_for_training(self, ledger):
        ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
        run_step(ledger, dp.GaussianDpEvent(4.5), arm=None, repeat=None, hospitals="all", kind="preprocessing")
        assert ledger.fits(KEY, dp.GaussianDpEvent(9.0))
        assert not ledger.fits(KEY, dp.GaussianDpEvent(4.5))

    def test_a_release_without_noise_never_fits(self, ledger):
        ledger.set_budget(KEY, Budget(100.0, 1e-5, "patient"))
        with pytest.raises(BudgetExhausted):
            ledger.reserve(entry(dp.NonPrivateDpEvent()))
        with pytest.raises(BudgetExhausted):  # protects hospitals, not the patients whom the budget is for
            ledger.reserve(entry(dp.GaussianDpEvent(50.0), unit="hospital"))

    def test_unlimited_budget_only_measures(self, ledger):
        ledger.set_budget(KEY, Budget(math.inf, 1e-5, "hospital"))
        run_step(ledger, dp.GaussianDpEvent(1.0), unit="hospital", count=100)
        assert ledger.spent(KEY).epsilon == pytest.approx(92, rel=3e-3)

    def test_asking_before_every_step_is_cheap(self, ledger):
        ledger.set_budget(KEY, Budget(3.0, 1e-5, "patient"))
        before = accountant._epsilon.cache_info().misses
        for _ in range(200):
            run_step(ledger)
        assert accountant._epsilon.cache_info().misses - before <= 20

    def test_budget_cannot_change(self, ledger):
        ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
        ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
        with pytest.raises(SettingsError, match="begun with epsilon 1"):
            ledger.set_budget(KEY, Budget(10.0, 1e-5, "patient"))


class TestExecuted:
    def test_equal_steps_pass(self, ledger):
        run_step(ledger, count=3)
        run_step(ledger, hospitals=("south",), count=2)
        ledger.assert_executed(KEY, {"east": 3, "north": 3, "south": 5})

    @pytest.mark.parametrize(
        "executed",
        [{"east": 3, "north": 3, "south": 4}, {"east": 3, "north": 3}, {"east": 3, "north": 3, "south": 3, "x": 1}],
    )
    def test_any_difference_is_an_error(self, ledger, executed):
        run_step(ledger, count=3)
        with pytest.raises(AccountingError, match=r"(south|x) ran \d steps, \d were accounted"):
            ledger.assert_executed(KEY, executed)

    def test_reserved_but_not_run_is_not_executed(self, ledger):
        ledger.reserve(entry())
        with pytest.raises(AccountingError):
            ledger.assert_executed(KEY, dict.fromkeys(HOSPITALS, 1))
        ledger.assert_executed(KEY, {})

    def test_all_hospitals_are_those_that_ran(self, ledger):
        run_step(ledger, hospitals="all", count=2)
        ledger.assert_executed(KEY, dict.fromkeys(HOSPITALS, 2))
        assert ledger.steps(KEY) == {"all": 2}

    def test_plain_comparison(self):
        assert_steps_equal({"east": 1}, {"east": 1}, "arm x")
        with pytest.raises(AccountingError, match="east ran 2 steps, 1 were accounted"):
            assert_steps_equal({"east": 1}, {"east": 2}, "arm x")

    def test_confirming_what_was_never_reserved(self, ledger):
        with pytest.raises(AccountingError, match="never reserved"):
            ledger.confirm(0)


KILLED = """
    import dp_accounting, os, sys, time
    from pathlib import Path
    from tff_health.privacy.ledger import PrivacyLedger
    from tff_health.privacy.ledger_entry import LedgerEntry
    ledger = PrivacyLedger(Path(sys.argv[1]))
    step = LedgerEntry("heart", "dp", 0, "patient", dp_accounting.GaussianDpEvent(4.0), "training", ("east",))
    ledger.confirm(ledger.reserve(step))
    ledger.reserve(step)
    print("reserved", flush=True)
    time.sleep(60)
"""


class TestInterruption:
    def test_killed_between_reserve_and_confirm_still_counts(self, tmp_path):
        path = tmp_path / "ledger.jsonl"
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert run.stdout is not None
        assert run.stdout.readline() == "reserved\n"
        with pytest.raises(LedgerError, match="Another process"):  # alive, it holds the file
            PrivacyLedger(path)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()
        with PrivacyLedger(path) as ledger:
            assert len(ledger.entries) == 2
            assert len(ledger.unconfirmed) == 1
            two = epsilon(dp.SelfComposedDpEvent(dp.GaussianDpEvent(4.0), 2), 1e-5).epsilon
            assert ledger.spent(KEY, "patient", 1e-5).epsilon == two
            # The resumed run repeats the step with fresh noise: a third release.
            ledger.confirm(ledger.reserve(entry(dp.GaussianDpEvent(4.0), hospitals=("east",))))
            ledger.assert_executed(KEY, {"east": 1})
            assert ledger.steps(KEY) == {"east": 3}

    def test_every_torn_end_is_read_back(self, tmp_path):
        path = tmp_path / "ledger.jsonl"
        with PrivacyLedger(path) as ledger:
            ledger.set_budget(KEY, Budget(1.0, 1e-5, "patient"))
            run_step(ledger)
        whole = path.read_bytes()
        run_step_line = whole.splitlines(keepends=True)[2]
        for cut in range(1, len(run_step_line)):
            path.write_bytes(whole + run_step_line[:cut])
            with PrivacyLedger(path, read_only=True) as ledger:
                assert len(ledger.entries) == 1
        with PrivacyLedger(path) as ledger:  # cuts the torn line off and goes on
            run_step(ledger)
        with PrivacyLedger(path) as ledger:
            assert len(ledger.entries) == 2
            assert ledger.unconfirmed == ()
            assert ledger.budget(KEY) == Budget(1.0, 1e-5, "patient")

    def test_torn_header(self, tmp_path):
        path = tmp_path / "ledger.jsonl"
        path.write_bytes(b'{"record":"led')
        with PrivacyLedger(path) as ledger:
            run_step(ledger)
        with PrivacyLedger(path) as ledger:
            assert len(ledger.entries) == 1

    @pytest.mark.parametrize("damage", ["flip", "missing"])
    def test_damage_in_the_middle_stops_everything(self, tmp_path, damage):
        path = tmp_path / "ledger.jsonl"
        with PrivacyLedger(path) as ledger:
            run_step(ledger)
            run_step(ledger)
        lines = path.read_bytes().splitlines(keepends=True)
        lines[1:2] = [b"x" + lines[1]] if damage == "flip" else []
        path.write_bytes(b"".join(lines))
        with pytest.raises(LedgerError, match="damaged in line 2"):
            PrivacyLedger(path)
        with pytest.raises(LedgerError, match="damaged in line 2"):  # the refusal leaves no claim behind
            PrivacyLedger(path)

    def test_a_file_of_something_else(self, tmp_path):
        path = tmp_path / "ledger.jsonl"
        path.write_text('{"a": 1}\n')
        with pytest.raises(LedgerError, match="damaged in line 1"):
            PrivacyLedger(path)

    def test_an_entry_that_cannot_be_written_is_not_entered(self, ledger, monkeypatch):
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:20]))
        with pytest.raises(LedgerError, match="no step starts"):
            ledger.reserve(entry())
        monkeypatch.undo()
        assert ledger.entries == ()
        run_step(ledger)
        assert len(ledger.entries) == 1

    def test_read_only_takes_no_entries(self, tmp_path):
        with PrivacyLedger(tmp_path / "none.jsonl", read_only=True) as ledger, pytest.raises(AccountingError):
            ledger.reserve(entry())


class TestFile:
    def test_entries_come_back_equal(self, tmp_path):
        entries = [
            entry(),
            entry(dp.NonPrivateDpEvent(), arm=None, repeat=None, hospitals="all", kind="preprocessing", count=3),
            entry(other_units={"hospital": dp.SelfComposedDpEvent(dp.GaussianDpEvent(1.0), 2)}),
        ]
        assert [decode_entry(json.loads(json.dumps(encode_entry(one)))) for one in entries] == entries

    def test_one_line_a_record(self, tmp_path):
        path = Path(tmp_path / "ledger.jsonl")
        with PrivacyLedger(path) as ledger:
            run_step(ledger)
        kinds = [json.loads(line)["record"] for line in path.read_text().splitlines()]
        assert kinds == ["ledger", "reserve", "confirm"]

    def test_threads_do_not_tear_each_others_lines(self, tmp_path):
        path = tmp_path / "ledger.jsonl"
        with PrivacyLedger(path) as ledger:
            threads = [threading.Thread(target=lambda: [run_step(ledger) for _ in range(20)]) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with PrivacyLedger(path) as ledger:
            assert len(ledger.entries) == 80
            assert ledger.unconfirmed == ()

    def test_fast_enough_for_every_round(self, ledger):
        ledger.set_budget(KEY, Budget(10.0, 1e-5, "patient"))
        run_step(ledger)
        start = time.perf_counter()
        for _ in range(50):
            run_step(ledger)
        assert time.perf_counter() - start < 2.5  # a round takes .05 s; .001 to .01 s where measured

    @pytest.mark.parametrize(
        "bad",
        [{"count": 0}, {"unit": "row"}, {"hospitals": ()}, {"hospitals": "east"}, {"other_units": {"patient": STEP}}],
    )
    def test_entries_that_mean_nothing(self, bad):
        with pytest.raises(SettingsError):
            entry(**bad)
