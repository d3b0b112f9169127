"""The one script of a report and the policy that lets it run: named by its hash, so that no other script can."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from markupsafe import Markup

_FILE = Path(__file__).parent / "templates" / "sortable.js"


@cache
def page_script() -> Markup:
    """The script that sorts tables, as it stands between the tags of a page."""
    # Universal newlines: a browser reads line feeds only, and hashes what it reads.
    return Markup(f"\n{_FILE.read_text('utf-8')}")


@cache
def script_source() -> str:
    """The script as a source of the policy's `script-src`: `sha256-...`."""
    digest = hashlib.sha256(str(page_script()).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
