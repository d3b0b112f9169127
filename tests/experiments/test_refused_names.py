"""Names that are refused on purpose: what does not show, and what could not be told apart; each in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import odd_names as odd
import pytest
from small_experiment import SMALL

from tff_health.experiments.command_line import main
from tff_health.experiments.sample_command import parse_conditions


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Types a command that must be refused: with this exit code and one line that holds these parts."""

    def typed(words: list[str], code: int, *parts: str) -> None:
        assert main(words) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.endswith("\n")
        assert err[:-1].isprintable(), repr(err)
        for part in parts:
            assert part in err

    return typed


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"a\x1b[2Jb", [r"a\x1b[2Jb", "U+001B", "does not show", "rename it"]),
        (b"a\nb", [r"a\nb", "U+000A (a control character)"]),
        ("a\u202eb".encode(), [r"a\u202eb", "right-to-left override"]),
        (b"caf\xe9", [r"caf\udce9", "U+DCE9"]),
        (b" ", ["is blank"]),
        (b"=1+1 ", [r"'=1+1 ' and '=1+1'", "look the same"]),
        (b"na", ["'NA' and 'na'", "look the same"]),
    ],
)
def test_hospitals_files(tmp_path: Path, refused: Callable[..., None], name: bytes, parts: list[str]):
    odd.write_clinics(tmp_path)
    content = (tmp_path / "NA.csv").read_bytes()
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".csv"))).write_bytes(content)
    refused(["data", "check", "table", "--data-dir", str(tmp_path)], 3, *parts)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (odd.AGE, "a\nge", ["schema.toml", r"the column name 'a\nge'", "U+000A"]),
        (odd.UNIT, "ye\u202ears", [r"'ye\u202ears'", "the unit"]),
        (odd.LABELS[0], "we\x1b[31mll", [r"'we\x1b[31mll'", "the label"]),
        ("=none", "=no\u200bne", [r"=no\u200bne", "the code", "zero width space"]),
        ("=none", "NA", ["a CSV file cannot hold the code 'NA'"]),
        ("=none", " none", ["a CSV file cannot hold the code ' none'"]),
        (odd.AGE, odd.TARGET + " ", ["look the same"]),
        (odd.AGE, odd.AGE.upper(), ["it writes '=age &", "the schema '=AGE &"]),
    ],
)
def test_schemas(tmp_path: Path, refused: Callable[..., None], old: str, new: str, parts: list[str]):
    odd.write_clinics(tmp_path)
    schema = odd.schema_toml().replace(json.dumps(old), json.dumps(new))
    (tmp_path / "schema.toml").write_text(schema, "utf-8")
    refused(["data", "check", "table", "--data-dir", str(tmp_path)], 3, *parts)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('title = "A small experiment"', 'title = "A \\u001b[2Jtitle"', "the text holds U+001B"),
        ('question = "Does it run?"', 'question = "Does \\u202eit run?"', "right-to-left override"),
        ("datasets.paper_mock]", 'datasets."a\\u0007b"]\nsource = "paper_mock"', "the name holds U+0007"),
        ("datasets.paper_mock]", 'datasets."  "]\nsource = "paper_mock"', "the name is blank"),
        ('method = "paper-listing"', 'title = "x\\u0000"\nmethod = "paper-listing"', "U+0000"),
    ],
)
def test_settings(tmp_path: Path, refused: Callable[..., None], old: str, new: str, part: str):
    text = SMALL.format(top="").replace(old, new)
    if new.startswith("datasets."):
        text = text.replace("datasets.paper_mock.", f"{new.partition(']')[0]}.")
    path = tmp_path / "small.toml"
    path.write_text(text, "utf-8")
    refused(["run", str(path), "--out", str(tmp_path / "out")], 2, part)
    assert not (tmp_path / "out").exists()


def test_conditions_know_columns_whose_names_hold_equals_signs():
    assert parse_conditions(["a=b=c"]) == {"a": "b=c"}
    assert parse_conditions(["a=b=c"], ["a=b"]) == {"a=b": "c"}
    assert parse_conditions(["a==c", "=b=d"], ["a", "=b"]) == {"a": "=c", "=b": "d"}
