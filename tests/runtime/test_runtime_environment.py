"""The facts about the machine: true, complete enough, and silent about the place."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tff_health.runtime import environment

ROOT = Path(__file__).resolve().parents[2]


def test_facts_are_true_and_fit_json() -> None:
    facts = environment.describe_environment()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["packages"]["numpy"] == np.__version__
    assert facts["packages"]["tensorflow-federated"] == "0.87.0"
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["cpu"]["count"] == os.cpu_count()
    assert facts["cpu"]["model"]
    assert facts["memory_gib"] > 0.5


def test_no_names_of_places_or_people() -> None:
    text = json.dumps(environment.describe_environment())
    assert socket.gethostname() not in text.split('"')
    assert str(ROOT) not in text
    assert str(Path.home()) not in text
    assert getpass.getuser() not in text.split('"')


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *settings, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_and_whether_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_ROOT", tmp_path)
    assert environment.describe_environment()["code"] is None
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "-m", "Start")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert environment.describe_environment()["code"] == {"commit": commit, "modified": False}
    (tmp_path / "code.py").write_text("x = 2\n")
    assert environment.describe_environment()["code"] == {"commit": commit, "modified": True}
    inner = tmp_path / "site-packages"
    inner.mkdir()
    monkeypatch.setattr(environment, "_ROOT", inner)
    assert environment.describe_environment()["code"] is None
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(environment, "_ROOT", tmp_path)
    assert environment.describe_environment()["code"] is None
