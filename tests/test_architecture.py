"""The house: imports point one way, files stay small, names say what is inside."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each part may import of the others; everything may import itself.
MAY_IMPORT = {
    "run_experiments": {"tff_health.experiments"},
    "tff_health.experiments": {
        "tff_health.hospitals",
        "tff_health.synthesis",
        "tff_health.reporting",
        "tff_health.evaluation",
        "tff_health.learning",
        "tff_health.privacy",
        "tff_health.analytics",
        "tff_health.aggregators",
        "tff_health.runtime",
        "models",
        "data",
    },
    "tff_health.synthesis": {
        "tff_health.learning",
        "tff_health.privacy",
        "tff_health.analytics",
        "tff_health.aggregators",
        "tff_health.runtime",
        "models",
        "data",
    },
    "tff_health.reporting": {"tff_health.evaluation", "tff_health.runtime", "data"},
    "tff_health.evaluation": {"models", "data"},
    "tff_health.learning": {"tff_health.aggregators", "tff_health.runtime", "models", "data"},
    "tff_health.analytics": {"tff_health.aggregators", "tff_health.runtime", "data"},
    "tff_health.privacy": {"tff_health.aggregators", "tff_health.runtime", "models", "data"},
    "tff_health.hospitals": {"tff_health.secure_aggregation", "tff_health.runtime", "data"},
    "tff_health.secure_aggregation": {"tff_health.runtime", "data"},
    "tff_health.aggregators": {"models", "data", "tff_health.runtime"},
    "tff_health.runtime": {"data"},
    "models": {"data"},
    "data": set(),
}


def tracked_python_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def part_of(module: str) -> str | None:
    return next((part for part in MAY_IMPORT if module == part or module.startswith(f"{part}.")), None)


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return modules


def test_imports_point_one_way():
    wrong, seen = [], 0
    for path in tracked_python_files():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        part = part_of(module)
        if part is None:
            continue
        for imported in imported_modules(path):
            target = part_of(imported)
            seen += target is not None
            if target not in (None, part) and target not in MAY_IMPORT[part]:
                wrong.append(f"{module} imports {imported}")
    assert seen > 50, "the test no longer finds the project's imports"
    assert not wrong, wrong


def test_data_never_touches_tensorflow():
    for path in tracked_python_files():
        if path.relative_to(ROOT).parts[0] == "data":
            assert not {m for m in imported_modules(path) if m.startswith(("tensorflow", "keras"))}, path


def test_files_hold_one_idea_each():
    vague = {"utils", "util", "common", "helpers", "helper", "misc"}
    for path in tracked_python_files():
        assert path.stem not in vague, path
        lines = len(path.read_text("utf-8").splitlines())
        assert lines <= 400, f"{path} has {lines} lines; split it by idea"
