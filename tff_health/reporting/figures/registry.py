"""The seam for figures: a function of a `RunRecord`, registered by name, is drawn into every report.

```python
@register_figure("cost", "Seconds a round")
def cost(record: RunRecord) -> Drawing | None:
    ...
    return Drawing(figure, caption=f"A round takes {seconds:.2f} s.", alt="Bars of seconds a round by arm.")
```
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from tff_health.reporting.atomic import ReportError
from tff_health.reporting.record import RunRecord
from tff_health.reporting.style import RC
from tff_health.reporting.synthesis.views import classifier_record

logger = logging.getLogger(__name__)

Section = Literal["data", "results", "privacy", "synthesis", "images"]
_OF_GENERATORS = ("synthesis", "images")
Head = tuple[str, str, Section, str]


@dataclass(frozen=True)
class Drawing:
    """A figure with the words that go with it.

    Attributes:
        figure: the drawing.
        caption: one sentence with what it shows, computed from the numbers.
        alt: what a reader who cannot see it needs to know.
    """

    figure: Figure
    caption: str
    alt: str


FigureFunction = Callable[[RunRecord], Drawing | None]


@dataclass(frozen=True)
class RegisteredFigure:
    """A figure that reports draw.

    Attributes:
        name: of its files, `figures/DATASET-NAME.svg`.
        title: its heading.
        function: returns None where the record holds nothing to draw.
        section: among the figures on the data, on the results, on privacy, on synthetic patients or on synthetic
            images. Only the last two see arms that make such.
        paper: the figure of P1 that it answers to, such as `Fig. 15`, or of another paper, such as `P2 Fig. 12`; empty
            for none.
    """

    name: str
    title: str
    function: FigureFunction
    section: Section = "results"
    paper: str = ""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure as files; `failure` says why there are none."""

    name: str
    title: str
    section: Section
    paper: str
    caption: str = ""
    alt: str = ""
    svg: bytes = b""
    png: bytes = b""
    failure: str = ""


_REGISTRY: dict[str, RegisteredFigure] = {}


def register_figure(
    name: str, title: str, *, section: Section = "results", paper: str = ""
) -> Callable[[FigureFunction], FigureFunction]:
    """Makes a function one of the report's figures; a name that is taken is replaced in its place.

    Args:
        name: letters, digits and hyphens, since files are called by it.
        title: heading in the report.
        section: `data`, `results`, `privacy`, `synthesis` or `images`.
        paper: the figure that it answers to, as in `RegisteredFigure`.

    Raises:
        ValueError: the name does not serve as part of a file name.
    """
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise ValueError(f"figure name {name!r}: use letters, digits and hyphens only")

    def register(function: FigureFunction) -> FigureFunction:
        _REGISTRY[name] = RegisteredFigure(name, title, function, section, paper)
        return function

    return register


def unregister_figure(name: str) -> None:
    """Takes a figure out of all later reports.

    Raises:
        KeyError: there is no such figure.
    """
    del _REGISTRY[name]


def registered_figures() -> tuple[RegisteredFigure, ...]:
    """All figures, in the order the report shows them."""
    return tuple(_REGISTRY.values())


def draw(registered: RegisteredFigure, record: RunRecord) -> DrawnFigure | None:
    """Draws one figure of one dataset; see `rendered`."""
    head = (registered.name, registered.title, registered.section, registered.paper)
    seen = record if registered.section in _OF_GENERATORS else classifier_record(record)
    return rendered(head, lambda: registered.function(seen), f"dataset {record.dataset_name!r}")


def rendered(head: Head, make: Callable[[], Drawing | None], of: str) -> DrawnFigure | None:
    """Draws a figure as SVG and PNG.

    A figure that raises does not cost the reader the rest of the report: its place says what went wrong.

    Args:
        head: name, title, section and paper.
        make: draws it.
        of: what it shows, for the log.

    Returns:
        None where there is nothing to draw.
    """
    try:
        with matplotlib.rc_context(RC), warnings.catch_warnings():  # type: ignore[arg-type]
            # A script that no font here has shows as boxes, as it would anywhere; the words beside figures have it.
            warnings.filterwarnings("ignore", r"Glyph .* missing from")
            drawing = make()
            if drawing is None:
                return None
            svg, png = io.BytesIO(), io.BytesIO()
            drawing.figure.savefig(svg, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
            # Drawing the SVG has solved the layout; solving it again would add a third to the time of a
            # report.
            drawing.figure.set_layout_engine("none")
            drawing.figure.savefig(png, format="png", dpi=200, metadata={"Software": None})
    except ReportError as error:
        return DrawnFigure(*head, failure=str(error))
    except Exception as error:
        logger.exception("figure %r of %s could not be drawn", head[0], of)
        return DrawnFigure(*head, failure=f"{type(error).__name__}: {error}")
    return DrawnFigure(*head, drawing.caption, drawing.alt, svg.getvalue(), png.getvalue())
