"""What a preprocessing did, in sentences for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tff_health.analytics.preprocessing import TablePreprocessor


def describe(preprocessor: TablePreprocessor) -> list[str]:
    """Where the preprocessing's numbers come from, what was filled in, encoded and scaled."""
    sentences = _public(preprocessor) if preprocessor.knowledge == "public" else _fitted(preprocessor)
    if preprocessor.indicators:
        sentences.append(f"A 0/1 column marks missing cells of {', '.join(preprocessor.indicators)}.")
    coded = [f"{e.name} ({len(e.codes)})" for e in preprocessor.encoders if e.outputs != (e.name,)]
    if coded:
        sentences.append(f"Categories became 0/1 columns: {', '.join(coded)}.")
    sentences.append(_scaling(preprocessor))
    width = preprocessor.width
    sentences.append(f"The model sees {width} feature{'s' if width != 1 else ''}.")
    return sentences


def _public(preprocessor: TablePreprocessor) -> list[str]:
    pairs = list(zip(preprocessor.encoders, preprocessor.imputers, strict=True))
    fills = []
    if any(imputer.strategy == "middle of the public bounds" for _, imputer in pairs):
        fills.append("missing numbers become the middle of the public bounds")
    typical = [f"{e.name} {i.fill:g}" for e, i in pairs if i.strategy == "typical value" and i.fill is not None]
    if typical:
        fills.append(f"typical values are filled in for {', '.join(typical)}")
    if any(imputer.strategy == "all_zero" for _, imputer in pairs):
        fills.append("missing codes become zeros, which of two codes is the first")
    if any(imputer.strategy == "first" for _, imputer in pairs):
        fills.append("missing codes become the codebook's first")
    rule = "; ".join(fills)
    return [
        "Only public knowledge was used, the schema's bounds and codebooks: no patient's row shaped the preprocessing, "
        "so it costs no privacy.",
        *([f"{rule[0].upper()}{rule[1:]}."] if rule else []),
    ]


def _fitted(preprocessor: TablePreprocessor) -> list[str]:
    pairs = list(zip(preprocessor.imputers, preprocessor.encoders, strict=True))
    private = preprocessor.knowledge == "private statistics"
    filled = [
        f"{encoder.name} ({'about ' if private else ''}{imputer.missing:.1%}, {imputer.strategy.replace('_', ' ')})"
        for imputer, encoder in pairs
        if imputer.missing
    ]
    sentences = []
    if private:
        sentences.append(
            "The preprocessing was fitted with a differentially private release: sums over all hospitals' training "
            "rows with Gaussian noise. Its shares are noisy."
        )
    if filled:
        source = "the noisy statistics" if private else "statistics of all hospitals' training rows"
        sentences.append(f"Missing cells were filled in with {source}: {', '.join(filled)}.")
    elif not private:
        sentences.append("No feature had a missing cell in training.")
    empty = [encoder.name for imputer, encoder in pairs if (imputer.missing or 0) >= 1]
    if empty and not private:
        sentences.append(f"No training row has a value of {', '.join(empty)}: nothing was learnt from it.")
    unseen = [encoder.name for imputer, encoder in pairs if imputer.unseen and (imputer.missing or 0) < 1]
    if unseen:
        sentences.append(
            f"The codebook of {', '.join(unseen)} has codes that no training row has; they count as missing."
        )
    return sentences


def _scaling(preprocessor: TablePreprocessor) -> str:
    likewise = ""
    if preprocessor.indicators or any(encoder.codes for encoder in preprocessor.encoders):
        symmetric = preprocessor.scaling != "standard"
        scaled = ", 0/1 columns to -1 and 1" if symmetric else ", 0/1 columns likewise"
        likewise = scaled if preprocessor.scales_categories else "; 0/1 columns were left alone"
    exact = preprocessor.knowledge == "statistics"
    noisy = "" if exact else "noisy "
    return {
        "standard": f"Numbers were standardised with the {noisy}mean and standard deviation over all hospitals"
        f"{likewise}.",
        "min-max": "Numbers were scaled to 0-1 with the minimum and maximum over all hospitals.",
        "bounds": "Numbers were scaled to 0-1 with the schema's public bounds.",
        "symmetric-bounds": f"Numbers were scaled with the schema's public bounds, whose middle becomes 0{likewise}.",
        "none": "Numbers were not scaled.",
    }[preprocessor.scaling]
