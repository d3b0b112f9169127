"""The digest of code changes with the code, and with nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tff_health.runtime import code_identity
from tff_health.runtime.code_identity import code_digest, named_modules


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for package in ("data", "models", "tff_health"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "part.py").write_text("one = 1\n", "utf-8")
    monkeypatch.setattr(code_identity, "_ROOT", tmp_path)
    return tmp_path


def test_it_follows_every_file_and_its_name(project: Path):
    seen = [code_digest()]
    (project / "models" / "part.py").write_text("one = 2\n", "utf-8")
    seen.append(code_digest())
    (project / "models" / "part.py").rename(project / "models" / "other.py")
    seen.append(code_digest())
    (project / "tff_health" / "page.html").write_text("<p>", "utf-8")
    seen.append(code_digest())
    assert len(set(seen)) == 4
    (project / "tff_health" / "notes.txt").write_text("nothing that runs", "utf-8")
    (project / "elsewhere.py").write_text("nor this", "utf-8")
    assert code_digest() == seen[-1]


def test_it_follows_users_modules(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(project))
    mine = project / "a_users_own.py"
    mine.write_text("one = 1\n", "utf-8")
    before = code_digest(["a_users_own"])
    assert before != code_digest()
    mine.write_text("one = 2\n", "utf-8")
    assert code_digest(["a_users_own"]) != before
    assert "a_users_own" not in sys.modules  # it is read, not run
    assert code_digest(["there_is_none"]) == code_digest(["there_is_none"])


def test_settings_name_modules():
    document = '{"aggregator": "mine:factory", "source": "data.xray_phantom:load", "title": "a: b", "m": "x.y:Z"}'
    assert named_modules(document) == {"mine", "x.y"}


def test_the_project_itself_has_one():
    assert len(code_digest()) == 64
