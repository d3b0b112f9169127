"""Attribute inference: does the synthetic table tell a secret of a patient whose other columns are known?

The attack is anonymeter's (Giomi et al. 2023, arXiv 2211.10459): the secret is guessed to be that of
the closest synthetic row. A good synthetic table lets anybody's secret be guessed well, that of strangers included;
the risk is what remains beyond them. Numbers count as guessed within 5 % of the public range's width (anonymeter takes
5 % of the guess itself, which any guess below 0 meets).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.errors import SettingsError, UnknownNameError
from data.schema import Column, Schema
from tff_health.evaluation.disclosure.attack_rates import attack_metrics, undefined_attack
from tff_health.evaluation.disclosure.estimate import LEVEL, Estimate
from tff_health.evaluation.disclosure.gower import closest_others

TOLERANCE = 0.05


def inference_metrics(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    *,
    secret: str | None = None,
    known: Sequence[str] | None = None,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """Risk that a training patient's secret is inferred; all training and held-out rows are attacked.

    Args:
        train: rows the generator was fitted on.
        holdout: rows of the same population that it never saw.
        synthetic: its rows.
        schema: of all three.
        secret: what is guessed; the schema's target unless given.
        known: columns the attacker knows; all others unless given.
        level: coverage of the intervals.

    Returns:
        `risk`, `attack`, `control`, `baseline` (the secret of a random synthetic row); undefined with a reason where
        there are too few rows.

    Raises:
        UnknownNameError: a name is no column.
        SettingsError: the attacker knows nothing, or the secret.
    """
    secret = schema.target if secret is None else secret
    names = [name for name in schema.names if name != secret] if known is None else list(known)
    for name in (secret, *names):
        if name not in schema.names:
            raise UnknownNameError.among("column", name, schema.names)
    if not names or secret in names:
        raise SettingsError(f"inference of {secret!r}: the attacker must know a column, and not the secret itself.")
    if not len(synthetic):
        return undefined_attack("There is no synthetic row to guess from.")
    column, columns = schema[secret], [schema[name] for name in names]
    secrets = synthetic[secret].to_numpy()
    rates = []
    for rows in (train, holdout):
        closest = closest_others(columns, rows, synthetic)[:, 0]
        hits = guessed(column, secrets[closest], rows[secret].to_numpy())
        rates.append(float(hits.mean()) if len(rows) else 0.0)
    baseline = random_guess_rate(column, secrets, train[secret])
    return attack_metrics(rates[0], len(train), rates[1], len(holdout), baseline=baseline, level=level)


def random_guess_rate(column: Column, secrets: np.ndarray, truths: pd.Series) -> float:
    """How often the secret of a random synthetic row is a patient's; 0 without patients.

    Args:
        column: the secret's.
        secrets: of the synthetic rows, one or more.
        truths: of the patients.
    """
    if not len(truths):
        return 0.0
    # Patients with the same secret are guessed alike, so each secret is compared once.
    positions, distinct = pd.factorize(truths, use_na_sentinel=False)
    rates = [guessed(column, secrets, np.full(len(secrets), truth, secrets.dtype)).mean() for truth in distinct]
    return float(np.mean(np.array(rates)[positions]))


def guessed(column: Column, guesses: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Whether each guess is right, bool [rows]: the same code, a number near enough, or missing both times."""
    missing, missed = pd.isna(guesses), pd.isna(truths)
    if column.is_numeric:
        assert column.bounds is not None
        near = np.abs(guesses - truths) <= TOLERANCE * (column.bounds[1] - column.bounds[0])
    else:
        near = guesses == truths
    return np.asarray(np.where(missing | missed, missing & missed, near), bool)
