"""Paper P1's data: hospitals of 100 rows with one feature and a threshold for a label (its listing)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.dataset_settings import PAPER_MOCK
from data.federation import Federation, Hospital
from data.schema import Column, Schema
from data.streams import stream

SCHEMA = Schema(
    (
        Column("x", "continuous", bounds=(0.0, 1.0), description="uniform number"),
        Column("y", "binary", codebook={0: "x up to 0.5", 1: "x above 0.5"}, description="whether x is above 0.5"),
    ),
    target="y",
)


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> Federation:
    """Training hospitals that hold no test rows, and held-out hospitals that hold nothing else.

    x is uniform on [0, 1), drawn in single precision so that no conversion in a network moves a value across
    the threshold; y = x > 0.5. The paper scores on the training rows of its first client; the held-out
    hospitals are there to score properly.

    Args:
        settings: `hospitals` (5), `rows` of each (100), `held_out` hospitals (as many as train),
            `held_out_rows` (100), `split_seed` (the experiment's seed).
        data_dir: unused; the rows are drawn.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    resolved = PAPER_MOCK.resolve(settings)
    draw_seed = seed if resolved["split_seed"] is None else resolved["split_seed"]
    held_out = resolved["hospitals"] if resolved["held_out"] is None else resolved["held_out"]
    training = tuple(
        Hospital(f"hospital {number}", _rows(draw_seed, "train", number, resolved["rows"]), _no_rows())
        for number in range(1, resolved["hospitals"] + 1)
    )
    scoring = tuple(
        Hospital(f"held-out {number}", _no_rows(), _rows(draw_seed, "test", number, resolved["held_out_rows"]))
        for number in range(1, held_out + 1)
    )
    return Federation(
        name="paper_mock",
        title="The paper's mock data",
        kind="simulated",
        schema=SCHEMA,
        hospitals=training + scoring,
        source="drawn as in the listing of Poojari, Privacy-Preserving Generative AI in Healthcare Systems "
        "Using Federated Learning Approaches (2026)",
        licence="drawn by this software; no patients",
        protocol=(
            f"{resolved['hospitals']} hospitals of {resolved['rows']} rows train, x uniform on [0, 1) and "
            f"y = x > 0.5; {held_out} other hospitals of {resolved['held_out_rows']} rows only score "
            f"(draw seed {draw_seed})."
        ),
    )


def _rows(seed: int, part: str, number: int, rows: int) -> pd.DataFrame:
    x = stream(seed, "paper_mock", part, number).random(rows, dtype=np.float32)
    return pd.DataFrame({"x": x.astype(np.float64), "y": pd.Series((x > 0.5).astype(int).tolist(), dtype=object)})


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(dtype=np.float64), "y": pd.Series(dtype=object)})
