"""The command `hospital`, from nothing to a run over three processes, as three hospitals would type it."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
import tomli_w
from needs_door import needs_door
from small_experiment import ROOT, command, run

from data.catalogue import load_dataset
from data.federation import Federation
from data.schema_file import schema_document
from data.table_csv import write_table
from tff_health.hospitals.hospital_process import free_port

NAMES = ("Clinic North", 'Clinic "South" <1>', "Klinik \N{LATIN CAPITAL LETTER O WITH DIAERESIS}st")
EXPERIMENT = """
experiment = "clinics"
title = "Three clinics"
question = "Does it run?"
rounds = 2
repeats = 1
folds = 2
bootstrap = 20
[datasets.table]
model = "logistic-regression"
[datasets.table.arms.fedavg]
method = "fedavg"
aggregator = "secure-weighted"
client_learning_rate = 0.1
"""


def done(*words: str, code: int = 0) -> str:
    finished = run("hospital", *words)
    assert finished.returncode == code, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stdout if code == 0 else finished.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hospitals' folders with their patients, a coordinator, a roster, and everybody's keys."""
    root = tmp_path_factory.mktemp("site")
    clinics = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(clinics, Federation)
    done("coordinator", str(root / "coordinator"))
    for place, (name, hospital) in enumerate(zip(NAMES, clinics.members, strict=True)):
        folder, address = root / f"h{place}", f"127.0.0.1:{free_port('127.0.0.1')}"
        assert "card.toml" in done("init", str(folder), "--name", name, "--address", address, "--listen", address)
        write_table(pd.concat([hospital.train, hospital.test]), clinics.schema, folder / "rows" / f"{place}.csv")
        document = {"title": "Clinics", "confirmed": True, **schema_document(clinics.schema)}
        (folder / "rows" / "schema.toml").write_text(tomli_w.dumps(document), "utf-8")
    cards = [str(root / f"h{place}" / "card.toml") for place in range(3)]
    made = done("roster", str(root / "roster.toml"), *cards, "--coordinator", str(root / "coordinator"))
    prints = {fingerprint(made)}
    for place in range(3):
        prints.add(fingerprint(done("keys", str(root / f"h{place}"), str(root / "roster.toml"))))
    assert len(prints) == 1, "everybody reads the same"
    return root


def fingerprint(text: str) -> str:
    found = re.search(r"Fingerprint[^:]*: ((?:[0-9a-f]{8} ?){8})", text)
    assert found, text
    return found[1]


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("hospital", "worker", str(folder)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = [process.stdout.readline(), process.stdout.readline()]
        assert "computes for the coordinator" in said[1], said
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()


@needs_door
def test_workers_run_until_they_are_told_to_end(site):
    with ExitStack() as stack:
        workers = [stack.enter_context(worker(site / f"h{place}")) for place in range(3)]
        assert "The worker runs" in done("status", str(site / "h1"))
        assert "runs in" in done("worker", str(site / "h1"), code=2)
        below = [child for process in workers for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(below) == 15, "launcher, first process, worker, nginx and nginx's own, of each"
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    assert [process.returncode for process in workers] == [0, 0, 0]
    text = run("hospital", "status", str(site / "h1"))
    assert text.returncode == 1
    assert "No worker runs." in text.stdout


def test_status_says_what_is_wrong_with_a_certificate(tmp_path):
    folder = tmp_path / "damaged"
    done("init", str(folder), "--name", "Damaged", "--address", "127.0.0.1:7443")
    (folder / "identity" / "tls.crt").write_text("nothing")
    said = run("hospital", "status", str(folder))
    assert said.returncode == 1
    assert "No certificate that can be used" in said.stdout
    assert "Traceback" not in said.stderr


def test_keys_are_for_their_owner_alone(site):
    secret = [path for path in site.rglob("*") if path.name in ("masks.key", "tls.key", "pairs.bin")]
    assert len(secret) == 3 + 4 + 3
    for path in secret:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for place in range(3):
        assert stat.S_IMODE((site / f"h{place}").stat().st_mode) == 0o700


def test_check_says_what_is_published(site):
    said = done("check", str(site / "h0"))
    assert re.search(r"table: \d+ training rows \(\d+ malignant\), \d+ held-out rows \(\d+\)", said)
    assert "would be published" in said


def test_a_fault_in_the_patients_is_named_before_anything_starts(site, tmp_path):
    folder = tmp_path / "faulty"
    done("init", str(folder), "--name", "Faulty", "--address", "127.0.0.1:7443")
    (folder / "rows").mkdir()
    (folder / "rows" / "schema.toml").write_bytes((site / "h0" / "rows" / "schema.toml").read_bytes())
    lines = (site / "h0" / "rows" / "0.csv").read_text("utf-8").splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[0], "many", 1)
    (folder / "rows" / "0.csv").write_text("\n".join(lines), "utf-8")
    said = done("check", str(folder), code=3)
    assert "0.csv" in said
    assert "many" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["keys", "{site}/h0", "{site}/h1/card.toml"], "coordinator"),
        (["keys", "{site}/nowhere", "{site}/roster.toml"], "run hospital init first"),
        (["worker", "{tmp}/fresh"], "has no roster yet"),
        (["init", "{site}/h0", "--name", "Again", "--address", "127.0.0.1:7443"], "is there already"),
        (["init", "{tmp}/odd", "--name", "Line\nbreak", "--address", "127.0.0.1:7443"], "does not show"),
        (["init", "{tmp}/odd", "--name", "Odd", "--address", "nowhere"], "is no address"),
        (["roster", "{tmp}/r.toml", "{site}/h0/card.toml", "--coordinator", "{site}/coordinator"], "two hospitals"),
        (["init", "{tmp}/odd", "--name", "Odd", "--address", "127.0.0.1:7443", "--days", "0"], "1 to 3650"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(site, tmp_path, words, said):
    done("init", str(tmp_path / "fresh"), "--name", "Fresh", "--address", "127.0.0.1:7443")
    assert said in done(*(word.format(site=site, tmp=tmp_path) for word in words), code=2)


def test_a_swapped_roster_is_refused_by_hospitals(site, tmp_path):
    """Somebody puts a certificate of his own into a hospital's entry."""
    other = tmp_path / "other"
    done("init", str(other), "--name", NAMES[0], "--address", "127.0.0.1:7443")
    cards = [str(other / "card.toml"), *(str(site / f"h{place}" / "card.toml") for place in (1, 2))]
    done("roster", str(tmp_path / "r.toml"), *cards, "--coordinator", str(site / "coordinator"))
    assert "another certificate" in done("keys", str(site / "h0"), str(tmp_path / "r.toml"), code=2)
    swapped = fingerprint(done("keys", str(site / "h1"), str(tmp_path / "r.toml")))
    assert swapped != fingerprint(done("keys", str(site / "h1"), str(site / "roster.toml"))), "people would notice"


@needs_door
def test_a_hospital_that_is_not_there_is_named(site, tmp_path):
    (site / "clinics.toml").write_text(EXPERIMENT, "utf-8")
    started = time.monotonic()
    out = ["--hospitals", str(site / "roster.toml"), "--out", str(tmp_path / "run")]
    finished = run("run", str(site / "clinics.toml"), *out)
    assert finished.returncode == 1
    assert "did not answer" in finished.stderr or "does not answer" in finished.stderr
    assert any(name in finished.stderr for name in ("Clinic North", "Klinik", "South"))
    assert time.monotonic() - started < 60
    assert not (tmp_path / "run").exists()


def test_help_needs_no_tensorflow(tmp_path):
    environment = {"PYTHONPROFILEIMPORTTIME": "1", **os.environ}
    finished = subprocess.run(
        command("hospital", "init", str(tmp_path / "h"), "--name", "A", "--address", "127.0.0.1:1"),
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert finished.returncode == 0
    assert " tensorflow" not in finished.stderr
