"""A run folder as a run would leave it, drawn from a seed: simulated scores, metrics computed from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from private_arms_example import (
    LEDGER,
    PRIVATE_ARMS,
    PRIVATE_PREPROCESSING,
    audit,
    control,
    membership,
    privacy,
)
from sklearn.metrics import brier_score_loss, confusion_matrix, f1_score, log_loss, roc_auc_score

from tff_health.reporting.paper import compare
from tff_health.reporting.results import Results, save_results

SEEDS = (1, 2)
ROUNDS = 5
METRICS = ("loss", "accuracy", "auc", "sensitivity", "specificity", "f1", "brier", "ece")

# Arm -> (title, federated, how far the scores separate the classes, what is lost by round 0).
ARMS: dict[str, tuple[str, bool, float]] = {
    "paper-listing": ("Paper's listing", False, 0.15),
    "alone": ("Alone", False, 1.5),
    "pooled": ("Pooled", False, 2.9),
    "fedavg": ("FedAvg", True, 2.2),
    "fedyogi": ("FedYogi", True, 2.8),
}
HOSPITALS: dict[str, dict[str, tuple[int, float]]] = {
    "paper_mock": {f"hospital {i}": (100, 0.5) for i in range(1, 6)},
    "heart_disease": {
        "cleveland": (303, 0.46),
        "hungarian": (261, 0.36),
        "switzerland": (46, 0.93),
        "va": (130, 0.75),
    },
}


def _metric_values(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    predicted = (scores >= 0.5).astype(int)
    tn, fp, fn, tp = confusion_matrix(labels, predicted, labels=[0, 1]).ravel()
    index = np.minimum((scores * 10).astype(int), 9)
    gaps = [np.sum(index == b) * abs(scores[index == b].mean() - labels[index == b].mean()) for b in np.unique(index)]
    return {
        "loss": float(log_loss(labels, scores, labels=[0, 1])),
        "accuracy": float(np.mean(predicted == labels)),
        "auc": float(roc_auc_score(labels, scores)) if len(np.unique(labels)) == 2 else float("nan"),
        "sensitivity": tp / (tp + fn) if tp + fn else float("nan"),
        "specificity": tn / (tn + fp) if tn + fp else float("nan"),
        "f1": float(f1_score(labels, predicted, zero_division=0)),
        "brier": float(brier_score_loss(labels, scores)),
        "ece": float(np.sum(gaps) / len(labels)),
    }


def _measured(rows: pd.DataFrame, generator: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Metrics of rows with seed, label and score, the mean over seeds with a bootstrap interval."""
    by_seed = [_metric_values(part["label"].to_numpy(), part["score"].to_numpy()) for _, part in rows.groupby("seed")]
    draws = [
        _metric_values(part["label"].to_numpy(), part["score"].to_numpy())
        for part in (rows.iloc[generator.integers(0, len(rows), len(rows))] for _ in range(5))
    ]
    measured = {}
    for name in METRICS:
        values = np.array([seed[name] for seed in by_seed])
        spread = np.array([draw[name] for draw in draws])
        spread = spread[~np.isnan(spread)]
        measured[name] = {
            "value": values.mean(),
            "low": min(spread.min(), values.mean()) if len(spread) else np.nan,
            "high": max(spread.max(), values.mean()) if len(spread) else np.nan,
            "n": len(rows) // len(by_seed),
            "seeds": values,
        }
    return measured


def _scores(labels: np.ndarray, separation: float, noise: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(separation * (2 * labels - 1) * 0.7 + noise)))


def _statistics(dataset: str, generator: np.random.Generator) -> dict[str, Any]:
    names = ["x"] if dataset == "paper_mock" else ["age", "trestbps", "chol", "thalach"]
    units = {"age": "years", "trestbps": "mmHg", "chol": "mg/dl", "thalach": "1/min"}
    target = "y" if dataset == "paper_mock" else "num"
    columns: list[dict[str, Any]] = []
    for name in names:
        values = generator.normal(54, 9, 400) if name != "x" else generator.uniform(0, 1, 400)
        counts, edges = np.histogram(values, bins=16)
        columns.append(
            {
                "name": name,
                "kind": "continuous",
                "unit": units.get(name, ""),
                "missing": 3,
                "mean": values.mean(),
                "sd": values.std(),
                "minimum": values.min(),
                "maximum": values.max(),
                "histogram": {"edges": edges, "counts": counts},
            }
        )
    columns.append({"name": target, "kind": "binary", "categories": {"no disease": 220, "disease": 180}})
    correlation = np.corrcoef(generator.normal(size=(len(names) + 1, 60)))
    return {"columns": columns, "correlation": {"names": [*names, target], "matrix": correlation}}


def _dataset(
    name: str, generator: np.random.Generator, predictions: list[pd.DataFrame], rounds: list[dict[str, Any]]
) -> dict[str, Any]:
    hospitals = HOSPITALS[name]
    sizes = {hospital: max(round(0.34 * count), 8) for hospital, (count, _) in hospitals.items()}
    labels = {h: (generator.uniform(size=sizes[h]) < hospitals[h][1]).astype(int) for h in hospitals}
    base = pd.DataFrame(
        [
            {"dataset": name, "seed": seed, "hospital": h, "patient": i, "label": label}
            for seed in SEEDS
            for h in hospitals
            for i, label in enumerate(labels[h])
        ]
    )
    # One noise for all arms: they find the same patients hard, as real arms do.
    shared = generator.normal(0, 1.3, len(base))
    real = name != "paper_mock"
    arms = {}
    plans = {arm: (*plan, ROUNDS) for arm, plan in ARMS.items()}
    if real:
        plans |= {arm: (title, True, separation, last) for arm, (title, separation, last) in PRIVATE_ARMS.items()}
    for arm, (title, federated, separation, last) in plans.items():
        entries, rows = [], base
        for number in range(last + 1):
            reached = separation * (0.2 if arm == "paper-listing" else number / last)
            noise = shared + generator.normal(0, 0.3, len(base))
            rows = base.assign(arm=arm, score=_scores(base["label"].to_numpy(), reached, noise))
            metrics = _measured(rows, generator)
            # The listing is scored a second time, on the first client's training rows.
            own = {"listing/accuracy": {"value": 0.4 + 0.02 * number}} if arm == "paper-listing" else {}
            entries.append({"round": number, "metrics": {f"test/{key}": m for key, m in metrics.items()} | own})
            for position, seed in enumerate(SEEDS):
                row = {key: metrics[key]["seeds"][position] for key in METRICS}
                rounds.append(
                    {"dataset": name, "arm": arm, "seed": seed, "round": number, "train_loss": row["loss"]}
                    | row
                    | {"epsilon": None, "seconds": 0.05}
                )
        predictions.append(rows)
        by_hospital = {
            f"hospital/{h}/{key}": metric
            for h, part in rows.groupby("hospital")
            for key, metric in _measured(part, generator).items()
        }
        first = rows[rows["seed"] == SEEDS[0]]
        tn, fp, fn, tp = confusion_matrix(first["label"], first["score"] >= 0.5, labels=[0, 1]).ravel()
        arms[arm] = {
            "title": title,
            "federated": federated,
            "settings": {"rounds": last, "learning_rate": 0.01},
            "metrics": entries[-1]["metrics"] | by_hospital,
            "rounds": entries,
            "confusion": {"threshold": 0.5, "tn": tn, "fp": fp, "fn": fn, "tp": tp},
            "privacy": privacy(arm),
            "secure_aggregation": "simulated" if arm == "fedavg-secure" else "none",
            "membership": membership(arm) if real else {},
            "audit": audit(arm),
            "cost": {"seconds_per_round": 0.05, "bytes_up": 1200},
        }
    return {
        "title": "UCI Heart Disease, four hospitals" if real else "The paper's mock data",
        "kind": "real" if real else "simulated",
        "source": "UCI Machine Learning Repository 45, doi 10.24432/C52P4X" if real else "P1's listing",
        "licence": "CC BY 4.0" if real else "none needed",
        "target": "num" if real else "y",
        "positive": "disease" if real else "x above 0.5",
        "partition": "natural: the hospitals that recorded the patients" if real else "five clients of 100 rows",
        "protocol": "First ten features, .66/.34 split in each hospital",
        "notes": ["zeros in chol stay values, as in FLamby"] if real else [],
        "preprocessing": ["Standardised with federated global moments of the training rows"],
        "selection": {
            "on": "a fifth of each hospital's training patients",
            "criterion": "log loss",
            "best_arm": "fedyogi",
            "candidates": [
                {"arm": "fedavg", "settings": {"learning_rate": 0.1}, "score": 0.47},
                {"arm": "fedyogi", "settings": {"learning_rate": 0.01}, "score": 0.41, "chosen": True},
            ],
        },
        "hospitals": {
            h: {
                "train": hospitals[h][0] - sizes[h],
                "test": sizes[h],
                "train_positive": round((hospitals[h][0] - sizes[h]) * hospitals[h][1]),
                "test_positive": labels[h].sum(),
            }
            for h in hospitals
        },
        "statistics": _statistics(name, generator),
        "arms": arms,
        "private_preprocessing": PRIVATE_PREPROCESSING if real else [],
        "membership_control": control() if real else {},
        "ledger": LEDGER if real else [],
    }


def write_run(folder: Path, datasets: tuple[str, ...] = ("paper_mock", "heart_disease"), seed: int = 7) -> Results:
    """Writes settings.toml, rounds.csv, predictions.csv and results.json; returns the results."""
    generator = np.random.default_rng(seed)
    predictions: list[pd.DataFrame] = []
    rounds: list[dict[str, Any]] = []
    results = Results.model_validate(
        {
            "schema": "tff_health.results/1",
            "experiment": "five-round",
            "title": "Five rounds of federated learning",
            "question": "Does a hospital predict better inside a federation than alone?",
            "datasets": {name: _dataset(name, generator, predictions, rounds) for name in datasets},
            "environment": {"python": "3.11.9", "tensorflow": "2.14.1", "cores": 2},
            "seeds": {"experiment": seed, "runs": list(SEEDS)},
            "seconds": 74.2,
            "started": "2026-03-02 10:15",
            "command": "python run_experiments.py run five-round --seed 7",
        }
    )
    results.references = compare(results)
    folder.mkdir(parents=True, exist_ok=True)
    save_results(results, folder / "results.json")
    pd.concat(predictions).to_csv(folder / "predictions.csv", index=False)
    pd.DataFrame(rounds).to_csv(folder / "rounds.csv", index=False)
    (folder / "settings.toml").write_text('experiment = "five-round"\nrounds = 5\n', encoding="utf-8")
    return results
