"""A report's page as plain words, whole or by section."""

from __future__ import annotations

import html
import re


def plain(page: str) -> str:
    """Without tags, every run of spaces as one."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))).strip()


def section(page: str, name: str) -> str:
    """The part of the page with this id, its tags left in."""
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]
