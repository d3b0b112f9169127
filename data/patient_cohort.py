"""Simulated patients for paper P1's figures 7, 8, 9 and 11. Nobody in this table exists.

What is drawn, and after what:

- age: whole years, uniform from 20 to 79 (Figure 8: "spread equally between several age groups").
- sex: 51 % female, about the share among adults in the United States.
- systolic blood pressure: lognormal, mean 122 mmHg, the mean of adults in the United States (Wright et al.,
  National Health Statistics Reports 35, 2011: NHANES 2001-2008); standard deviation 17 mmHg, a rounded
  assumption of ours, as that report gives means and percentiles.
- cholesterol: total, lognormal, mean 196 mg/dL (Carroll et al., JAMA 308:1545, 2012: NHANES 2007-2010);
  standard deviation 40 mg/dL, again a rounded assumption.
- diagnosis: Disease A 33 %, Disease B 35 %, Healthy 32 % (Figure 7), independent of everything else.
- risk of heart disease: Beta(6, 6), mean .5, 98 % of it between .2 and .8 (Figure 11).
- heart disease, the target: happens with the patient's own risk as its probability, so the risk is a
  calibrated score and no classifier can be much better than it: its AUC is about .66.

Age, blood pressure, cholesterol and risk are tied by a Gaussian copula whose latent correlations are set such
that the columns' Pearson correlations come out as in `CORRELATIONS`. The paper's sentence on Figure 9 is
garbled ("weak correlations between blood pressure (0.05) and cholesterol (0.09), and risk of heart disease
and these variables (0.01 and 0.09, respectively)"); it is read here as blood pressure with cholesterol .05,
risk with blood pressure .01, risk with cholesterol .09. It gives no figure for age, and .05 with each of the
three is ours. Among real patients, blood pressure rises with age far more steeply: this table illustrates the
paper, it is no model of an epidemic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from data.dataset_settings import PATIENT_COHORT
from data.federation import Federation
from data.hospitals import simulated_hospitals
from data.schema import Column, Schema
from data.streams import stream

SCHEMA = Schema(
    (
        Column("age", "integer", bounds=(18, 100), unit="years", quasi_identifier=True, description="age"),
        Column(
            "sex",
            "binary",
            codebook={"female": "female", "male": "male"},
            quasi_identifier=True,
            description="sex",
        ),
        Column(
            "systolic_bp",
            "integer",
            bounds=(60, 250),
            unit="mmHg",
            description="systolic blood pressure at rest",
        ),
        Column("cholesterol", "integer", bounds=(50, 500), unit="mg/dL", description="total serum cholesterol"),
        Column(
            "diagnosis",
            "categorical",
            codebook={"disease_a": "Disease A", "disease_b": "Disease B", "healthy": "Healthy"},
            description="diagnosis",
        ),
        Column("risk", "continuous", bounds=(0.0, 1.0), description="risk of heart disease"),
        Column(
            "heart_disease",
            "binary",
            codebook={0: "no heart disease", 1: "heart disease"},
            description="heart disease",
        ),
    ),
    target="heart_disease",
)

DIAGNOSIS_SHARES = {"disease_a": 0.33, "disease_b": 0.35, "healthy": 0.32}
FEMALE_SHARE = 0.51

CORRELATIONS: dict[tuple[str, str], float] = {
    ("age", "systolic_bp"): 0.05,
    ("age", "cholesterol"): 0.05,
    ("age", "risk"): 0.05,
    ("systolic_bp", "cholesterol"): 0.05,
    ("systolic_bp", "risk"): 0.01,
    ("cholesterol", "risk"): 0.09,
}
"""Pearson correlations of the columns in a large sample without `shift`."""


def _lognormal(mean: float, deviation: float) -> Callable[[np.ndarray], np.ndarray]:
    sigma = np.sqrt(np.log1p((deviation / mean) ** 2))
    return lambda z: np.asarray(mean * np.exp(sigma * z - sigma**2 / 2))


# A standard normal number to a value of the column, before rounding.
_MARGINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "age": lambda z: 20 + 60 * ndtr(z),
    "systolic_bp": _lognormal(122, 17),
    "cholesterol": _lognormal(196, 40),
    "risk": lambda z: betaincinv(6, 6, ndtr(z)),
}


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> Federation:
    """A cohort divided over hospitals; see the module's text for every margin and correlation.

    Args:
        settings: `hospitals` (5), `rows` of each (400), `test_fraction` (.25), `shift` (0) between hospitals,
            `split_seed` (the experiment's seed).
        data_dir: unused; the patients are drawn.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    resolved = PATIENT_COHORT.resolve(settings)
    draw_seed = seed if resolved["split_seed"] is None else resolved["split_seed"]
    n, rows, shift = resolved["hospitals"], resolved["rows"], resolved["shift"]
    hospital_of = np.repeat(np.arange(n), rows)
    shifts = stream(draw_seed, "patient_cohort", "shift").normal(0, shift, (n, 3)) if shift else np.zeros((n, 3))
    frame = draw_patients(len(hospital_of), draw_seed, shifts[hospital_of])
    labels = frame["heart_disease"].to_numpy(np.int64)
    parts = [np.arange(index * rows, (index + 1) * rows) for index in range(n)]
    notes = ["The patients are simulated; the table illustrates the paper's figures and supports no conclusion."]
    if shift:
        notes.append(
            f"Hospitals differ in mean age, blood pressure and cholesterol (shift {shift:g}), so the cohort "
            "as a whole departs from the stated means and correlations."
        )
    return Federation(
        name="patient_cohort",
        title="Simulated patient cohort",
        kind="simulated",
        schema=SCHEMA,
        hospitals=simulated_hospitals(frame, labels, parts, resolved["test_fraction"], draw_seed),
        source="drawn with the means of NHANES (Wright et al., NHSR 35, 2011; Carroll et al., JAMA 308:1545, "
        "2012) and the shares and correlations of Poojari (2026), figures 7, 8, 9 and 11",
        licence="drawn by this software; no patients",
        protocol=(
            f"{n} hospitals of {rows} simulated patients, {resolved['test_fraction']:.0%} of each held out, "
            f"stratified by heart disease (seed {draw_seed})."
        ),
        notes=tuple(notes),
    )


def draw_patients(rows: int, seed: int, shifts: np.ndarray | None = None) -> pd.DataFrame:
    """Simulated patients, all columns of `SCHEMA`.

    Args:
        rows: number of patients.
        seed: same seed, same patients.
        shifts: [rows, 3], added to the latent normal of age, blood pressure and cholesterol.
    """
    names = list(_MARGINS)
    latent = stream(seed, "patient_cohort", "latent").multivariate_normal(
        np.zeros(len(names)), _latent_correlations(), size=rows, method="cholesky"
    )
    if shifts is not None:
        latent[:, :3] += shifts
    columns: dict[str, Any] = {}
    for index, name in enumerate(names):
        values = _MARGINS[name](latent[:, index])
        if name == "age":
            values = np.clip(np.floor(values), 20, 79)
        elif name != "risk":
            bounds = SCHEMA[name].bounds
            assert bounds is not None
            values = np.clip(np.rint(values), *bounds)
        columns[name] = values
    female = stream(seed, "patient_cohort", "sex").random(rows) < FEMALE_SHARE
    columns["sex"] = np.where(female, "female", "male").astype(object)
    codes, shares = list(DIAGNOSIS_SHARES), list(DIAGNOSIS_SHARES.values())
    drawn = stream(seed, "patient_cohort", "diagnosis").choice(len(codes), size=rows, p=shares)
    columns["diagnosis"] = np.array(codes, dtype=object)[drawn]
    ill = stream(seed, "patient_cohort", "heart_disease").random(rows) < columns["risk"]
    columns["heart_disease"] = pd.Series(ill.astype(int).tolist(), dtype=object)
    return pd.DataFrame({column: columns[column] for column in SCHEMA.names})


def _latent_correlations() -> np.ndarray:
    """[4, 4] correlations of the copula's normals that give the columns those of `CORRELATIONS`.

    With g the margin and a = corr(g(Z), Z), the first coefficient of its Hermite expansion, two margins of
    normals correlated by rho are correlated by a_i a_j rho, up to terms in rho squared, which are below .001
    here.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / weights.sum()
    loading = {}
    for name, margin in _MARGINS.items():
        values = margin(nodes)
        spread = np.sqrt(weights @ values**2 - (weights @ values) ** 2)
        loading[name] = (weights @ (values * nodes)) / spread
    names = list(_MARGINS)
    matrix = np.eye(len(names))
    for (first, second), target in CORRELATIONS.items():
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = target / (loading[first] * loading[second])
    return matrix
