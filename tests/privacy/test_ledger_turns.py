"""Processes of one run enter their releases in one ledger, in turn, and none is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dp_accounting as dp
import pytest

from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.privacy.ledger_file import LedgerError
from tff_health.privacy.ledger_turns import LedgerTurns

ROOT = Path(__file__).parent.parent.parent
WRITER = """
import sys
from pathlib import Path
import dp_accounting as dp
from tff_health.privacy.ledger_entry import LedgerEntry
from tff_health.privacy.ledger_turns import LedgerTurns
turns = LedgerTurns(Path(sys.argv[1]))
for number in range(20):
    entry = LedgerEntry("d", sys.argv[2], number + 1, "patient", dp.GaussianDpEvent(2.0), "training")
    turns.confirm(turns.reserve(entry))
"""


def entry(arm: str, repeat: int = 1) -> LedgerEntry:
    return LedgerEntry("d", arm, repeat, "patient", dp.GaussianDpEvent(2.0), "training")


def test_processes_lose_no_entry(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), arm], cwd=ROOT) for arm in ("a", "b", "c")]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    with PrivacyLedger(path) as ledger:
        found = [(one.arm, one.repeat) for one in ledger.entries]
        assert sorted(found) == [(arm, number) for arm in "abc" for number in range(1, 21)]
        assert ledger.unconfirmed == ()


def test_nobody_waits_who_did_not_say_so(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    turns = LedgerTurns(path)
    assert turns.entries == ()
    assert turns.reserve(entry("a")) == 0
    with PrivacyLedger(path), pytest.raises(LedgerError, match="Another process is writing"):
        PrivacyLedger(path)
    with PrivacyLedger(path) as ledger:
        assert [one.arm for one in turns.entries] == ["a"]  # reading asks for no turn
        assert len(ledger.unconfirmed) == 1
    turns.confirm(0)
    assert turns.reserve(entry("b")) == 1
    with PrivacyLedger(path) as ledger:
        assert [one.arm for one in ledger.unconfirmed] == ["b"]
