"""Names are what readers see: what does not show is found, and what looks the same counts as the same."""

from __future__ import annotations

import pytest

from data.plain_names import alike, hidden_fault, name_fault, visible


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a, 'b' \"c\"",
        "../..",
        "x" * 300,
        "日本",
        "به\u200cنام",
        "👩\u200d⚕",
        "\u00a0x",
        "$",
        "❤\ufe0f",
    ],
)
def test_odd_names_are_names(name: str):
    assert name_fault(name) == ""
    assert visible(name) == name


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is blank"),
        ("\u00a0 ", "is blank"),
        ("\u3164", "holds U+3164 (hangul filler), which does not show"),
        ("a\u034f", "holds U+034F"),
        ("a\nb", "holds U+000A (a control character), which does not show"),
        ("a\x7f", "holds U+007F"),
        ("a\x9bb", "holds U+009B"),
        ("\u202ea", "right-to-left override"),
        ("a\u2066b", "left-to-right isolate"),
        ("a\u200b", "zero width space"),
        ("\ufeffa", "zero width no-break space"),
        ("a\u2028b", "line separator"),
        ("\udcff", "holds U+DCFF"),
        ("a\U000e0041", "tag latin capital letter a"),
    ],
)
def test_what_does_not_show_is_named(name: str, fault: str):
    assert fault in name_fault(name)
    assert visible(name).isprintable() or not name.strip()


def test_joiners_alone_are_no_name():
    assert name_fault("\u200d \u200c\ufe0f") == "is blank"


def test_some_are_fine_in_texts():
    assert hidden_fault("two\nlines", but="\n") == ""
    assert "U+0009" in hidden_fault("a\tb", but="\n")


def test_alike():
    assert alike(["a", "b", "a b"]) is None
    assert alike(["Nord", "nord"]) == ("Nord", "nord")
    assert alike(["Age", "age"], fold=False) is None
    assert alike(["e\u0301", "x", "\u00e9"], fold=False) == ("e\u0301", "\u00e9")
    assert alike(["a  b ", "a\u00a0b"]) == ("a  b ", "a\u00a0b")
    assert alike(["ab", "a\u200db"]) == ("ab", "a\u200db")
    assert alike(["A", "A\ufe0f"]) == ("A", "A\ufe0f")
