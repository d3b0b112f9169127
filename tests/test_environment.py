"""Installed packages are the pinned ones, so that figures can be made again."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pins() -> dict[str, str]:
    return exact((ROOT / "requirements.txt").read_text("utf-8").splitlines())


def optional_pins() -> dict[str, str]:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    return exact([line for lines in extras.values() for line in lines])


def exact(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        line = line.split("#")[0].strip()
        if line:
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", line)
            assert match, f"not an exact pin: {line}"
            found[canonical(match[1])] = match[2]
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_packages() -> dict[str, str]:
    # Not all of sys.path: setuptools puts the copies it carries there once something imports `pkg_resources`.
    site_packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return {canonical(d.metadata["Name"]): d.version for d in importlib.metadata.distributions(path=site_packages)}


def test_installed_packages_and_pins_agree():
    installed = installed_packages()
    present = {name: version for name, version in optional_pins().items() if name in installed}
    differing = {
        name: (version, installed.get(name))
        for name, version in {**pins(), **present}.items()
        if installed.get(name) != version
    }
    assert not differing, f"pinned and installed versions differ: {differing}; run `uv sync`"


def test_every_installed_package_is_pinned():
    # What a virtual environment or an installer brings of its own.
    tools = {"pip", "uv", "tff-health", "wheel", "setuptools"}
    assert set(installed_packages()) - set(pins()) - set(optional_pins()) - tools == set()


def test_an_optional_package_is_pinned_once():
    assert set(pins()) & set(optional_pins()) == set()


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="only .ci/run must have the optional packages")
def test_ci_leaves_no_optional_package_out():
    assert set(optional_pins()) <= set(installed_packages())


def test_the_users_packages_are_pinned():
    wanted = {"tensorflow", "tensorflow-federated", "tensorflow-privacy", "pandas", "scikit-learn", "matplotlib"}
    assert wanted <= set(pins())


def test_overrides_agree_with_pins():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for override in document["tool"]["uv"]["override-dependencies"]:
        name, version = override.split("==")
        assert pins()[canonical(name)] == version


def test_no_lock_file_is_tracked():
    assert "uv.lock" in (ROOT / ".gitignore").read_text("utf-8").split()
