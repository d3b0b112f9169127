"""How numbers and names are put into words, the same way in every caption and table."""

from __future__ import annotations

from datetime import datetime

from tff_health.reporting.results import Metric

_NAMED = 3
METRIC_LABELS = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "calibration error",
    "loss": "log loss",
}


def metric_label(name: str) -> str:
    """`test/auc` -> `AUC`; an unknown name stays as it is."""
    last = name.rsplit("/", 1)[-1]
    return METRIC_LABELS.get(last, last)


def number(value: float | None, digits: int = 3) -> str:
    """A value with fixed decimals, or `not defined`."""
    if value is None:
        return "not defined"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign."""
    text = number(value, digits)
    return text if value <= 0 or float(f"{value:.{digits}f}") == 0 else f"+{text}"


def interval(metric: Metric, digits: int = 3) -> str:
    """`0.953 (0.931 to 0.972)`; the bracket is left out where there is no interval."""
    if metric.value is None or metric.low is None or metric.high is None:
        return number(metric.value, digits)
    return f"{number(metric.value, digits)} ({number(metric.low, digits)} to {number(metric.high, digits)})"


def percent(share: float, digits: int = 0) -> str:
    """`.33` -> `33 %`, with a space that does not break."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def plural(count: int, noun: str) -> str:
    """`1 patient`, `1,114 patients`."""
    if count != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun}"


def listing(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def some(words: list[str]) -> str:
    """`a, b, c and 4 more`: what a sentence can carry, the tables having the rest."""
    if len(words) <= _NAMED + 1:
        return listing(words)
    return f"{', '.join(words[:_NAMED])} and {len(words) - _NAMED} more"


def duration(seconds: float | None) -> str:
    """`74 s`, `12 min 5 s`, `3 h 2 min`."""
    if seconds is None:
        return "not recorded"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def moment(text: str) -> str:
    """An ISO time as `22 November 2026, 07:45 UTC`; any other text as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip()


def compact(value: float | None) -> str:
    """A statistic in as many digits as it carries: 54.4, 0.00312, 1,234, 4.55e-5."""
    if value is None:
        return "\N{EN DASH}"
    magnitude = abs(value)
    if magnitude >= 1000:
        text = f"{value:,.0f}"
    elif magnitude >= 1 or magnitude == 0:
        text = f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"
    else:
        mantissa, _, power = f"{value:.3g}".partition("e")
        text = f"{mantissa}e{int(power)}" if power else mantissa
    return text.replace("-", "\N{MINUS SIGN}", 1) if value < 0 else text
