"""Singling out: conditions that pick out one synthetic row and are met by exactly one real patient.

The queries are anonymeter's (Giomi et al. 2023, arXiv 2211.10459): univariate ones ask for values that
occur once in the synthetic table or lie at its ends; multivariate ones ask for three columns' values of a synthetic
row, numbers as "at least" or "at most".

How often a query hits exactly one row depends on the table's size (Cohen and Nissim 2020, arXiv 1904.06009), and the
table of strangers is often the smaller one. Anonymeter carries the strangers' successes over to the training table's
size by a curve, which it can fit to 1,000 rows or more alone. Here every query is put to training and held-out rows
together, and what counts is whose the one row is: without a leak each person is hit alike, so that as many strangers as
there are training rows would have been hit as often as the held-out ones were, by head. That holds exactly, for 60
held-out rows as well.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from data.schema import Schema
from tff_health.evaluation.disclosure.attack_rates import FEWEST, rates_and_risk, undefined_attack
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate
from tff_health.evaluation.disclosure.hit_counts import scaled_share

if TYPE_CHECKING:
    import polars as pl

ATTACKS = 500
COLUMNS = 3
_MOST_ATTEMPTS = 10  # queries tried for each one wanted
_ANY_NUMBER = 10**9
_BATCH = 500


def singling_out_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    mode: Literal["univariate", "multivariate"],
    rng: np.random.Generator,
    attacks: int = ATTACKS,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """Risk that a query made from the synthetic table singles out a training patient.

    The shares are of the queries that could be made, which on small tables are fewer than asked for. Intervals allow
    for queries that hit the same person.

    Args:
        train: rows the generator was fitted on.
        holdout: rows of the same population that it never saw.
        synthetic: its rows; equal ones count once.
        schema: of all three.
        mode: conditions on one column, or on three at once.
        rng: source of the draws.
        attacks: queries wanted.
        level: coverage of the intervals.

    Returns:
        `risk`, `attack` (share of queries that hit one person, a training patient), `control` (the same of strangers,
        were there as many); undefined with a reason where too few queries or rows are there.
    """
    if min(len(train), len(holdout)) < FEWEST or len(synthetic) < 2:
        return undefined_attack(f"It takes {FEWEST} training and {FEWEST} held-out patients and two synthetic rows.")
    queries = _queries(_polars_table(synthetic, schema).unique(maintain_order=True), mode, attacks, rng)
    if len(queries) < FEWEST:
        return undefined_attack(f"Only {len(queries)} queries pick out a synthetic row; it takes {FEWEST}.")
    hits = singled_out(_polars_table(pd.concat([train, holdout], ignore_index=True), schema), queries)
    seen, unseen = hits[: len(train)], hits[len(train) :]
    return rates_and_risk(*(scaled_share(counts, len(queries), len(train), level) for counts in (seen, unseen)))


def singled_out(rows: pl.DataFrame, queries: list[pl.Expr]) -> np.ndarray:
    """How many queries hit each row and no other, int64 [rows]; a comparison with a missing cell is not met."""
    import polars as pl

    hits = np.zeros(rows.height, np.int64)
    for start in range(0, len(queries), _BATCH):
        chosen = queries[start : start + _BATCH]
        met = rows.select(
            [query.fill_null(False).cast(pl.Boolean).alias(str(index)) for index, query in enumerate(chosen)]
        ).to_numpy()
        hits += met[:, met.sum(axis=0) == 1].sum(axis=1)
    return hits


def _queries(synthetic: pl.DataFrame, mode: str, attacks: int, rng: np.random.Generator) -> list[pl.Expr]:
    from anonymeter.evaluators.singling_out_evaluator import (
        multivariate_singling_out_queries,
        univariate_singling_out_queries,
    )

    with _quiet():
        if mode == "multivariate":
            columns = min(COLUMNS, synthetic.width)
            return multivariate_singling_out_queries(synthetic, attacks, columns, _MOST_ATTEMPTS * attacks, rng, _BATCH)
        # All there are, in an order of their own: polars groups rows in an order that changes from run to run.
        found = sorted(univariate_singling_out_queries(synthetic, _ANY_NUMBER, rng), key=str)
    return [found[index] for index in sorted(rng.permutation(len(found))[:attacks])]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps anonymeter from saying that it found fewer queries than wanted, or that missing is not a value."""
    logger = logging.getLogger("anonymeter")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logger.setLevel(level)


def _polars_table(frame: pd.DataFrame, schema: Schema) -> pl.DataFrame:
    """The table with nulls for missing cells, codes as text and plain names that cannot be mistaken in a query."""
    import polars as pl

    columns: dict[str, pl.Series] = {}
    for index, column in enumerate(schema.columns):
        values = [None if pd.isna(value) else value for value in frame[column.name]]
        name = f"c{index}"
        if column.is_numeric:
            columns[name] = pl.Series(name, values, pl.Float64)
        else:
            positions = {code: str(position) for position, code in enumerate(column.codes)}
            columns[name] = pl.Series(name, [None if v is None else positions[v] for v in values], pl.String)
    return pl.DataFrame(columns)
