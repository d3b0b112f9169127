"""docs/hospitals.md does what it says: three hospitals and a coordinator, each in a folder of its own."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
from needs_door import needs_door
from small_experiment import ROOT, command, run

from data.catalogue import load_dataset
from data.federation import Federation
from data.schema_file import schema_document
from data.table_csv import write_table
from tff_health.hospitals.hospital_process import free_port
from tff_health.reporting.results import load_results

PAGE = (ROOT / "docs" / "hospitals.md").read_text("utf-8")
BLOCK = re.compile(r"^```sh at=(?P<machine>\w+)(?P<worker> worker)?\n(?P<line>[^\n]+)\n```$", re.MULTILINE)
HOSPITALS = ("north", "south", "west")
DOOR = ["uv", "run", "run_experiments.py"]


def give(source: Path, target: Path) -> None:
    """What people do between the page's commands: hand a file over."""
    target.parent.mkdir(exist_ok=True)
    shutil.copy(source, target)


def after(line: str, machines: Path) -> None:
    """What happens between commands."""
    if " init " in line:
        name = shlex.split(line)[5]
        give(machines / name / name / "card.toml", machines / "coordinator" / name / "card.toml")
    elif " roster " in line:
        for name in HOSPITALS:
            give(machines / "coordinator" / "roster.toml", machines / name / "roster.toml")


def put_patients(machines: Path) -> None:
    clinics = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(clinics, Federation)
    document = {"title": "Clinics", "confirmed": True, **schema_document(clinics.schema)}
    for name, hospital in zip(HOSPITALS, clinics.members, strict=True):
        rows = machines / name / name / "rows"
        write_table(pd.concat([hospital.train, hospital.test]), clinics.schema, rows / f"{name}.csv")
        (rows / "schema.toml").write_text(tomli_w.dumps(document), "utf-8")


@pytest.mark.slow
@needs_door
def test_the_page_is_followed(tmp_path):
    addresses = {f"{name}.example:7443": f"127.0.0.1:{free_port('127.0.0.1')}" for name in HOSPITALS}
    workers = []
    for machine in ("coordinator", *HOSPITALS):
        (tmp_path / machine).mkdir()
    try:
        for block in BLOCK.finditer(PAGE):
            words = [addresses.get(word, word) for word in shlex.split(block["line"])]
            assert words[:3] == DOOR
            folder = tmp_path / block["machine"]
            if " check north" in block["line"]:
                put_patients(tmp_path)
            if block["worker"]:
                process = subprocess.Popen(command(*words[3:]), cwd=folder, stdout=subprocess.PIPE, text=True)
                workers.append(process)
                assert process.stdout is not None
                assert "computes" in (process.stdout.readline() + process.stdout.readline())
                continue
            done = run(*words[3:], cwd=folder)
            assert done.returncode == 0, (block["line"], done.stderr)
            after(block["line"], tmp_path)
    finally:
        for process in workers:
            process.send_signal(signal.SIGINT)
        for process in workers:
            process.wait(30)
            process.stdout.close()
    assert len(workers) == 3
    dataset = load_results(tmp_path / "coordinator" / "clinics" / "results.json").datasets["table"]
    assert set(dataset.hospitals) == {"Clinic North", "Clinic South", "Clinic West"}
    assert any("each in a worker of its own" in note for note in dataset.notes)
    assert (tmp_path / "coordinator" / "clinics" / "report.html").exists()


def test_every_command_of_the_page_is_followed():
    lines = [line for line in PAGE.splitlines() if line.startswith("uv run")]
    followed = [block["line"] for block in BLOCK.finditer(PAGE)]
    assert [line for line in lines if line not in followed] == [
        "uv run run_experiments.py run five-round --simulate-hospitals 5"  # as tests/experiments/apart does
    ]
