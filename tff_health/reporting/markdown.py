"""Texts for Markdown, in which nothing marks anything up."""

from __future__ import annotations

import re


def markdown_text(text: str) -> str:
    """Plain text on one line, read back as it is: no markup, no tag, no entity, no list and no mathematics."""
    plain = re.sub(r"([\\`*_{}\[\]<>#|&~$])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", plain)


def markdown_code(text: str) -> str:
    """A text as code, exactly: fenced by more backticks than it holds in a row."""
    line = " ".join(text.splitlines())
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if line[:1] in ("`", " ") or line[-1:] in ("`", " ") else ""  # one is taken off at each end
    return f"{fence}{blank}{line}{blank}{fence}"
