"""A run that made synthetic patients, as it would be left behind: every figure is invented here, from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from private_arms_example import PATIENT, attack

from tff_health.evaluation.t_interval import t_interval
from tff_health.reporting.results import Results, save_results

CLASSIFIERS = ("logistic-regression", "naive-bayes", "knn", "svc-linear", "svc-rbf", "svc-poly", "random-forest")
SPLITS = 10
# Arm -> (title, kind, federated, epsilon, accuracy, AUC) as the mean over classifiers; real rows come first.
REAL = (0.827, 0.897)
ARMS: dict[str, tuple[str, str, bool, float | None, float, float]] = {
    "ctgan": ("Federated CTGAN", "ctgan", True, None, 0.822, 0.895),
    "ctgan-average-both": ("Federated CTGAN, both networks averaged", "ctgan", True, None, 0.80, 0.871),
    "pooled-ctgan": ("Pooled CTGAN", "ctgan", False, None, 0.821, 0.896),
    "independent-marginals": ("Independent marginals", "independent-marginals", True, None, 0.49, 0.505),
    "label-histograms": ("Label histograms", "label-histograms", True, None, 0.815, 0.892),
    "marginal-tree": ("Marginal tree", "marginal-tree", True, None, 0.819, 0.894),
    "label-histograms-eps1": ("Label histograms, epsilon 1", "label-histograms", True, 0.9991, 0.79, 0.868),
    "label-histograms-eps3": ("Label histograms, epsilon 3", "label-histograms", True, 2.998, 0.805, 0.886),
    "label-histograms-eps10": ("Label histograms, epsilon 10", "label-histograms", True, 9.99, 0.812, 0.890),
    "marginal-tree-eps1": ("Marginal tree, epsilon 1", "marginal-tree", True, 0.998, 0.77, 0.851),
    "marginal-tree-eps3": ("Marginal tree, epsilon 3", "marginal-tree", True, 2.99, 0.81, 0.8885),
    "marginal-tree-eps10": ("Marginal tree, epsilon 10", "marginal-tree", True, 9.95, 0.817, 0.893),
    "ctgan-eps1": ("DP-CTGAN, epsilon 1", "ctgan", True, 0.997, 0.55, 0.58),
    "ctgan-eps3": ("DP-CTGAN, epsilon 3", "ctgan", True, 2.98, 0.66, 0.71),
    "ctgan-eps10": ("DP-CTGAN, epsilon 10", "ctgan", True, 9.93, 0.75, 0.82),
    "ctgan-no-packing": ("CTGAN without packing", "ctgan", True, None, 0.79, 0.862),
    "ctgan-no-sampling": ("CTGAN without training by sampling", "ctgan", True, None, 0.781, 0.858),
    "ctgan-overfitted": ("CTGAN, 20 patients, long training", "ctgan", False, None, 0.71, 0.77),
}
OWN = {"hospital 1": 0.851, "hospital 2": 0.862, "hospital 3": 0.899}
HOSPITALS = {f"hospital {i}": 48 + (i <= 2) for i in range(1, 6)}
NUMERIC = {
    "age": ("years", 54, 9),
    "trestbps": ("mmHg", 131, 17),
    "chol": ("mg/dl", 246, 51),
    "thalach": ("1/min", 149, 23),
}
CODED = {
    "sex": ("female", "male"),
    "cp": ("typical angina", "atypical angina", "non-anginal pain", "asymptomatic"),
    "thal": ("normal", "fixed defect", "reversible defect"),
    "condition": ("no disease", "disease"),
}


def metric(value: float, generator: np.random.Generator, shared: np.ndarray, splits: int = SPLITS) -> dict[str, Any]:
    """A metric over splits: arms share what a split is like, as real ones do."""
    seeds = np.clip(value + shared[:splits] + generator.normal(0, 0.006, splits), 0, 1)
    mean = t_interval(seeds)
    return {"value": mean.value, "low": mean.low, "high": mean.high, "n": 61, "seeds": seeds}


def guarantee(epsilon: float | None) -> dict[str, Any] | None:
    """The arm's guarantee; None without one."""
    if epsilon is None:
        return None
    return PATIENT | {
        "mechanism": "Gaussian noise in shares on one sum of counts",
        "epsilon": epsilon,
        "sentence": f"Each patient is protected at epsilon {epsilon:g}, delta 1e-5.",
        "noise_multiplier": 9.6 / epsilon,
    }


def _utility(
    level: tuple[float, float], generator: np.random.Generator, shared: np.ndarray, prefix: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, measure in enumerate(("accuracy", "auc")):
        shifts = np.linspace(0.012, -0.012, len(CLASSIFIERS))
        for name, shift in zip(CLASSIFIERS, shifts, strict=True):
            values[f"{prefix}/{name}/{measure}"] = metric(level[place] + shift, generator, shared)
        values[f"{prefix}/mean/{measure}"] = metric(level[place], generator, shared)
    return values


def _measures(worth: float, generator: np.random.Generator, shared: np.ndarray, kind: str) -> dict[str, Any]:
    small = shared / 4
    alike = 0.6 + 0.38 * worth
    # A generator that learnt its rows by heart copies them.
    learnt = kind == "overfitted"
    plain = {
        "fidelity/ks": alike,
        "fidelity/tv": alike,
        "fidelity/correlation": alike - 0.02,
        "fidelity/contingency": alike - 0.05,
        "detection/auc": 1.1 - 0.5 * worth,
        "coverage/test/precision": alike - 0.1,
        "coverage/test/recall": alike - 0.2,
        "coverage/train/density": alike,
        "coverage/train/coverage": alike - 0.1,
        "collapse/categories_covered": min(1.0, 0.5 + 0.5 * worth),
        "collapse/entropy_ratio": alike,
        "disclosure/dcr_share": 0.93 if learnt else 0.507,
        "singling_out/risk": 0.3 if learnt else 0.012,
        "linkability/risk": 0.22 if learnt else 0.004,
        "inference/risk": 0.4 if learnt else 0.03,
    }
    found = {name: metric(value, generator, small) for name, value in plain.items()}
    found["disclosure/exact_copies"] = {"value": 0.7 if learnt else 0.0}
    found["disclosure/exact_copies_holdout"] = {"value": 0.0}
    found["disclosure/dcr_share"] |= {"low": 0.9, "high": 0.95} if learnt else {"low": 0.44, "high": 0.57}
    found |= {"anonymity/k": {"value": 1.0}, "anonymity/k_map": {"value": 0.0}, "anonymity/t": {"value": 0.46}}
    for name in ("singling_out", "linkability", "inference"):
        found[f"{name}/risk"] |= {"low": 0.1, "high": 0.5} if learnt else {"low": -0.03, "high": 0.06}
        found[f"{name}/control"] = {"value": 0.05, "low": 0.02, "high": 0.09}
    found["fidelity/ks/age"] = {"value": alike}
    found["age_gap"] = {"value": 1.5 - worth}
    return found


def _columns(off: float, generator: np.random.Generator) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = []
    for name, (unit, mean, sd) in NUMERIC.items():
        real = generator.normal(mean, sd, 242)
        made = generator.normal(mean + off * sd, sd * (1 - off / 2), 242)
        edges = np.linspace(min(real.min(), made.min()), max(real.max(), made.max()), 15)
        shares = [np.histogram(one, edges)[0] / len(one) for one in (real, made)]
        columns.append(
            {
                "name": name,
                "kind": "continuous",
                "unit": unit,
                "edges": edges,
                "real": shares[0],
                "synthetic": shares[1],
            }
        )
    for name, labels in CODED.items():
        real = generator.dirichlet(np.full(len(labels), 6.0))
        made = np.clip(real + off * generator.normal(0, 0.1, len(labels)), 0, None)
        columns.append(
            {
                "name": name,
                "kind": "categorical",
                "labels": labels,
                "real": real,
                "synthetic": made / made.sum(),
                "real_missing": 0.008 if name == "thal" else 0.0,
                "synthetic_missing": 0.012 if name == "thal" else 0.0,
            }
        )
    return columns


def _history(arm: str, generator: np.random.Generator) -> list[dict[str, Any]]:
    ceiling = {"ctgan-no-packing": 0.86, "ctgan-no-sampling": 0.74}.get(arm, 0.99)
    points = []
    for round_ in range(41):
        grown = 1 - np.exp(-round_ / 7)
        points.append(
            {
                "round": round_,
                "updates": 50 * round_,
                "values": {
                    "critic_loss": float(-2.5 * np.exp(-round_ / 12) + generator.normal(0, 0.15)),
                    "generator_loss": float(1.8 * np.exp(-round_ / 20) - 0.4 + generator.normal(0, 0.15)),
                    "wasserstein": float(2.7 * np.exp(-round_ / 12) + 0.1 + generator.normal(0, 0.1)),
                    "categories_covered": float(0.35 + (ceiling - 0.35) * grown),
                    "duplicates": float(0.4 * np.exp(-round_ / 5) + (1 - ceiling) / 4),
                },
            }
        )
    return points


def _summaries(generator: np.random.Generator) -> list[dict[str, Any]]:
    rows = [
        {
            "name": name,
            "kind": "continuous",
            "unit": unit,
            "missing": 0.0,
            "mean": mean + generator.normal(0, 0.6),
            "sd": sd + generator.normal(0, 0.4),
        }
        for name, (unit, mean, sd) in NUMERIC.items()
    ]
    return [*rows, *({"name": name, "kind": "categorical", "missing": 0.004} for name in CODED)]


def _correlation(off: float, generator: np.random.Generator) -> dict[str, Any]:
    names = [*NUMERIC, *CODED]
    base = np.corrcoef(np.random.default_rng(3).normal(size=(len(names), 30)))
    noise = generator.normal(0, 0.05 + off / 4, base.shape)
    matrix = np.clip(base + (noise + noise.T) / 2, -1, 1)
    np.fill_diagonal(matrix, 1)
    return {"names": names, "matrix": matrix}


def _arm(name: str, generator: np.random.Generator, shared: np.ndarray) -> dict[str, Any]:
    title, kind, federated, epsilon, accuracy, auc = ARMS[name]
    worth = float(np.clip((auc - 0.5) / 0.4, 0, 1))
    metrics = _utility((accuracy, auc), generator, shared, "tstr")
    metrics |= _measures(worth, generator, shared, "overfitted" if name.endswith("overfitted") else kind)
    if epsilon is None and name.startswith(("ctgan", "label")) and "no-" not in name:
        metrics |= _utility((REAL[0] + 0.001, REAL[1] + 0.001), generator, shared, "augmented")
    leak = 0.94 if name.endswith("overfitted") else 0.512
    return {
        "title": title,
        "federated": federated,
        "settings": {"synthesizer": kind, "batch_size": 100},
        "metrics": metrics,
        "privacy": guarantee(epsilon),
        "secure_aggregation": "simulated" if epsilon else "none",
        "membership": {"nearest": attack(leak + 0.01, 0.025), "density-ratio": attack(leak, 0.025)},
        "cost": {"seconds": 21.5},
        "synthesis": {
            "kind": kind,
            "updates": 2000 if kind == "ctgan" else 0,
            "rows": 242,
            "columns": _columns(1 - worth, generator),
            "summaries": _summaries(generator),
            "correlation": _correlation(1 - worth, generator),
            "history": _history(name, generator) if kind == "ctgan" else [],
            "sample": [
                {"age": 50.0 + i, "sex": "female", "chol": None if i == 2 else 230.0 + i, "condition": "disease"}
                for i in range(10)
            ],
        },
    }


def dataset(seed: int = 5) -> dict[str, Any]:
    """Cleveland over five hospitals, with every kind of arm."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.02, SPLITS)
    arms = {name: _arm(name, generator, shared) for name in ARMS}
    for hospital in HOSPITALS:
        for measure, place in (("accuracy", 0), ("auc", 1)):
            name = f"hospital/{hospital}/tstr/mean/{measure}"
            arms["ctgan"]["metrics"][name] = metric(REAL[place] - 0.01, generator, shared)
    for hospital, auc in OWN.items():
        arms[f"own-generator/{hospital}"] = {
            "title": f"{hospital}'s own generator",
            "metrics": {
                "tstr/mean/accuracy": metric(auc - 0.07, generator, shared),
                "tstr/mean/auc": metric(auc, generator, shared),
                f"hospital/{hospital}/tstr/mean/accuracy": metric(auc - 0.08, generator, shared),
                f"hospital/{hospital}/tstr/mean/auc": metric(auc - 0.01, generator, shared),
            },
            "synthesis": {"kind": "ctgan", "updates": 2000, "rows": 242},
        }
    real_metrics = _utility(REAL, generator, shared, "trtr")
    real_metrics |= {"anonymity/k": {"value": 1.0}, "anonymity/k_map": {"value": 1.0}, "anonymity/t": {"value": 0.44}}
    return {
        "title": "Heart disease, Cleveland over five hospitals",
        "kind": "real",
        "source": "UCI Machine Learning Repository 45, doi 10.24432/C52P4X",
        "licence": "CC BY 4.0",
        "target": "condition",
        "positive": "disease",
        "partition": "iid: Cleveland's patients dealt to five hospitals",
        "protocol": "All thirteen features, missing values kept, 20% of all rows held out, stratified (seed 0). "
        "The rows of cleveland are dealt to 5 simulated hospitals by iid.",
        "hospitals": {
            name: {"train": count, "test": 12, "train_positive": count // 2, "test_positive": 6}
            for name, count in HOSPITALS.items()
        },
        "selection": {"on": "splits that are not reported", "criterion": "mean AUC"},
        "arms": arms,
        "synthesis": {
            "classifiers": CLASSIFIERS,
            "splits": SPLITS,
            "rows": 242,
            "test_rows": 61,
            "columns": _summaries(generator),
            "correlation": _correlation(0, generator),
            "quasi_identifiers": ["age", "sex"],
            "real_metrics": real_metrics,
            "notes": ["missing cells are modelled, not dropped"],
        },
    }


def results(datasets: dict[str, dict[str, Any]] | None = None) -> Results:
    """The whole of results.json."""
    return Results.model_validate(
        {
            "schema": "tff_health.results/1",
            "experiment": "ctgan",
            "title": "A federated CTGAN on heart disease",
            "question": "Can hospitals that never pool a row share a synthetic cohort that is worth training on?",
            "datasets": datasets or {"heart_disease": dataset()},
            "seeds": {"experiment": 7},
            "seconds": 402.0,
            "started": "2026-03-02 10:15",
            "command": "python run_experiments.py run ctgan --seed 7",
        }
    )


def write_synthesis_run(folder: Path, datasets: dict[str, dict[str, Any]] | None = None) -> Results:
    """Writes the run's results.json; returns what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    made = results(datasets)
    save_results(made, folder / "results.json")
    return made
