"""Names in Markdown and LaTeX are read back as they were."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from tff_health.reporting.latex import latex_text
from tff_health.reporting.markdown import markdown_code, markdown_text

ODD = [
    "<script>alert(1)</script>",
    "&lt; &amp; \\ `a` ``b`` *c* _d_ [e](javascript:x) ![f](g) ~~h~~ | # {i} $j_1$",
    "- a",
    "1. a",
    "12) a",
    "+ a",
    "=1+1",
    "# a",
    "> a",
    "日本 'x' \"y\"",
]


def rendered(source: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source)


def text_of(html: str) -> str:
    from html import unescape

    return unescape(html)


@pytest.mark.parametrize("name", ODD)
def test_markdown(name: str):
    assert text_of(rendered(f"- {markdown_text(name)}")) == f"<ul>\n<li>{name}</li>\n</ul>\n"
    assert text_of(rendered(markdown_text(name))) == f"<p>{name}</p>\n"
    assert text_of(rendered(markdown_code(name))) == f"<p><code>{name}</code></p>\n"


@pytest.mark.parametrize("name", ["`", "``", "a`", " x ", "a``b`c"])
def test_backticks_in_code(name: str):
    assert text_of(rendered(f"x {markdown_code(name)}")) == f"<p>x <code>{name}</code></p>\n"


def test_latex():
    assert latex_text("a & b_1 50% $x$ #1 {y}") == r"a \& b\_1 50\% \$x\$ \#1 \{y\}"
    assert latex_text("\\input{/etc/passwd}~^") == (
        r"\textbackslash{}input\{/etc/passwd\}\textasciitilde{}\textasciicircum{}"
    )
    assert latex_text("<b> | x") == r"\textless{}b\textgreater{} \textbar{} x"
    assert latex_text("[1ex] [2]") == "{[}1ex] [2]"
    assert latex_text("*a*") == "{*}a*"
    assert latex_text("") == ""
