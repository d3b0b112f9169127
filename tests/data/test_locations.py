from pathlib import Path

import pytest

from data.errors import DataError
from data.locations import ENVIRONMENT_VARIABLE, data_root, dataset_folder


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_argument_then_environment_then_cache(monkeypatch, tmp_path):
    assert data_root(None) == tmp_path / "home" / ".cache" / "tff_health"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert data_root(None) == tmp_path / "home" / ".cache" / "tff_health"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert data_root(None) == tmp_path / "xdg" / "tff_health"
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/data")
    assert data_root(None) == tmp_path / "home" / "data"
    assert data_root(tmp_path / "named") == tmp_path / "named"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file, not a folder"):
        data_root(tmp_path / "file")


def test_no_home_folder(monkeypatch):
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(DataError, match="name a folder with --data-dir"):
        data_root(None)


def test_own_folder_or_the_named_one_that_holds_the_files(tmp_path):
    assert dataset_folder("d", ["f"], tmp_path) == tmp_path / "d"
    (tmp_path / "f").write_text("")
    assert dataset_folder("d", ["f"], tmp_path) == tmp_path
    (tmp_path / "d").mkdir()
    assert dataset_folder("d", ["f"], tmp_path) == tmp_path / "d"
