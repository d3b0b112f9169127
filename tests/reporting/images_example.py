"""A run that made synthetic X-rays, as it would be left behind: figures are invented, the pictures are phantoms."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from private_arms_example import PATIENT, attack
from scipy.ndimage import gaussian_filter
from synthesis_example import metric

from data.xray_phantom import draw_images
from tff_health.reporting.results import Results, save_results

CLASSES = ("normal", "pneumonia")
CLASSIFIERS = ("logistic-regression", "random-forest", "cnn")
SEEDS = 3
SIZE = 28
REAL = (0.862, 0.951)
LOW = (0.83, 0.921)
# Arm -> (title, kind, federated, epsilon, accuracy, AUC of the CNN, FD-clf over its floor).
ARMS: dict[str, tuple[str, str, bool, float | None, float, float, float]] = {
    "dcgan": ("Federated DCGAN", "dcgan", True, None, 0.823, 0.912, 3.9),
    "pooled-dcgan": ("Pooled DCGAN", "dcgan", False, None, 0.829, 0.921, 3.4),
    "private-dcgan-eps1": ("Private DCGAN, epsilon 1", "private-dcgan", True, 0.9987, 0.601, 0.583, 41.0),
    "private-dcgan-eps3": ("Private DCGAN, epsilon 3", "private-dcgan", True, 2.995, 0.642, 0.695, 27.0),
    "private-dcgan-eps10": ("Private DCGAN, epsilon 10", "private-dcgan", True, 9.96, 0.713, 0.781, 14.0),
    "dcgan-no-augmentation": ("DCGAN without augmentation", "dcgan", True, None, 0.801, 0.874, 6.0),
    "dcgan-overfitted": ("DCGAN, 40 images, long training", "dcgan", False, None, 0.71, 0.77, 19.0),
}
PURPOSES = {"dcgan-no-augmentation": "ablation", "dcgan-overfitted": "control"}
FLOOR = 4.2


def _utility(
    part: str, level: tuple[float, float], generator: np.random.Generator, shared: np.ndarray
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, measure in enumerate(("accuracy", "auc")):
        for name, shift in zip(CLASSIFIERS, (-0.05, -0.03, 0.0), strict=True):
            values[f"{part}/{name}/{measure}"] = metric(level[place] + shift, generator, shared, SEEDS)
        values[f"{part}/mean/{measure}"] = metric(level[place] - 0.027, generator, shared, SEEDS)
    return values


def _measures(ratio: float, generator: np.random.Generator, shared: np.ndarray, learnt: bool) -> dict[str, Any]:
    alike = float(np.exp(-(ratio - 1) / 15))
    plain = {
        "coverage/precision": 0.2 + 0.65 * alike,
        "coverage/recall": 0.8 * alike,
        "coverage/coverage": 0.1 + 0.75 * alike,
        "memorisation/ssim_median": 0.97 if learnt else 0.62,
        "memorisation/ssim_median_holdout": 0.66,
        "duplicates/near": 0.0,
    }
    found = {name: metric(value, generator, shared / 4, SEEDS) for name, value in plain.items()}
    scaled = {
        "fd_clf/value": FLOOR * ratio,
        "fd_clf/floor": FLOOR,
        "fd_clf/ratio": ratio,
        "kernel_distance/value": 0.1 * (ratio - 1),
        "kernel_distance/floor": 0.0003,
        "coverage/density": 1.1 * alike,
        "memorisation/psnr_median": 38.4 if learnt else 20.7,
        "memorisation/psnr_median_holdout": 21.4,
    }
    for name, value in scaled.items():
        seeds = value * (1 + generator.normal(0, 0.02, SEEDS))
        half = 2.48 * seeds.std(ddof=1)
        mean = seeds.mean()
        found[name] = {"value": mean, "low": mean - half, "high": mean + half, "seeds": seeds}
    share = 0.97 if learnt else 0.51
    found["memorisation/dcr_share"] = {
        "value": share,
        "low": share - 0.03,
        "high": share + 0.03,
        "seeds": [share] * SEEDS,
    }
    found["memorisation/exact_copies"] = {"value": 0.0}
    found["memorisation/exact_copies_holdout"] = {"value": 0.0}
    for label, real in zip(CLASSES, (0.41, 0.33), strict=True):
        for similarity, lift in (("ssim", 0.0), ("ms_ssim", 0.06)):
            more = 0.11 * (1 - alike) - 0.01
            found[f"diversity/{label}/{similarity}_real"] = metric(real + lift, generator, shared / 8, SEEDS)
            found[f"diversity/{label}/{similarity}_synthetic"] = metric(
                real + lift + more, generator, shared / 8, SEEDS
            )
            seeds = more + generator.normal(0, 0.004, SEEDS)
            found[f"diversity/{label}/{similarity}_difference"] = {
                "value": seeds.mean(),
                "low": seeds.mean() - 0.012,
                "high": seeds.mean() + 0.012,
                "seeds": seeds,
            }
    return found


def _history(ratio: float, generator: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "round": place,
            "updates": 50 * place,
            "values": {
                "discriminator_loss": float(1.38 - 0.5 * np.exp(-place / 9) + generator.normal(0, 0.04)),
                "generator_loss": float(0.9 + 1.2 * np.exp(-place / 12) + ratio / 60 + generator.normal(0, 0.06)),
                "score_gap": float(0.6 + 2.2 * np.exp(-place / 10) + generator.normal(0, 0.08)),
            },
        }
        for place in range(41)
    ]


def guarantee(epsilon: float | None) -> dict[str, Any] | None:
    """The arm's guarantee; None without one."""
    if epsilon is None:
        return None
    return PATIENT | {
        "mechanism": "Gaussian noise on clipped gradients of the discriminator",
        "epsilon": epsilon,
        "sentence": f"Each patient is protected at epsilon {epsilon:g}, delta 1e-5.",
        "noise_multiplier": 9.6 / epsilon,
    }


def _arm(name: str, generator: np.random.Generator, shared: np.ndarray) -> dict[str, Any]:
    title, kind, federated, epsilon, accuracy, auc, ratio = ARMS[name]
    learnt = name.endswith("overfitted")
    metrics = _utility("tstr", (accuracy, auc), generator, shared) | _measures(ratio, generator, shared, learnt)
    if epsilon is None and not learnt:
        metrics |= _utility("augmented", (REAL[0] + 0.003, REAL[1] + 0.001), generator, shared)
        metrics |= _utility("low-data-augmented", (LOW[0] + 0.02, LOW[1] + 0.021), generator, shared)
    leak = 0.95 if learnt else 0.508
    return {
        "title": title,
        "federated": federated,
        "settings": {"method": kind, "batch_size": 64},
        "metrics": metrics,
        "privacy": guarantee(epsilon),
        "secure_aggregation": "simulated" if epsilon else "none",
        "membership": {"nearest": attack(leak, 0.025), "calibrated-nearest": attack(leak - 0.005, 0.025)},
        "cost": {"seconds": 913.0 + ratio, "seconds_per_round": 0.41, "bytes_up": 2_400_000.0},
        "images": {
            "kind": kind,
            "purpose": PURPOSES.get(name),
            "updates": 2000,
            "images": 4708,
            "history": _history(ratio, generator),
            "pictures": f"pictures/{name}.npz",
        },
    }


def dataset(seed: int = 5) -> dict[str, Any]:
    """PneumoniaMNIST over three hospitals, with every kind of arm."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.008, SEEDS)
    arms = {name: _arm(name, generator, shared) for name in ARMS}
    real = _utility("trtr", REAL, generator, shared) | _utility("low-data", LOW, generator, shared)
    return {
        "title": "Chest X-rays (PneumoniaMNIST)",
        "kind": "real",
        "source": "J. Yang et al., MedMNIST v2, Scientific Data 10:41 (2023), PneumoniaMNIST",
        "licence": "CC BY 4.0",
        "target": "diagnosis",
        "positive": "pneumonia",
        "partition": "dirichlet: training images dealt to three hospitals",
        "protocol": "The publisher's training, validation and test images.",
        "hospitals": {
            f"hospital {place}": {"train": 1500, "test": 0, "train_positive": 1100, "test_positive": 0}
            for place in (1, 2, 3)
        },
        "arms": arms,
        "membership_control": {},
        "images": {
            "size": SIZE,
            "classes": CLASSES,
            "classifiers": CLASSIFIERS,
            "seeds": SEEDS,
            "images": 4690,
            "test_images": 624,
            "cleaned": True,
            "real_metrics": real,
            "pictures": "pictures/real.npz",
            "notes": ["thresholds are chosen on validation images"],
        },
    }


def results(datasets: dict[str, dict[str, Any]] | None = None) -> Results:
    """The whole of results.json."""
    return Results.model_validate(
        {
            "schema": "tff_health.results/1",
            "experiment": "dcgan",
            "title": "A federated DCGAN on chest X-rays",
            "question": "Can hospitals that never pool an image share synthetic X-rays that are worth training on?",
            "datasets": datasets or {"chest_xray": dataset()},
            "seeds": {"experiment": 7},
            "seconds": 5402.0,
            "started": "2026-03-02 10:15",
            "command": "python run_experiments.py run dcgan --seed 7",
        }
    )


@functools.cache
def _phantoms(part: str, number: int) -> np.ndarray:
    """uint8 [classes, number, size, size]."""
    drawn = [
        draw_images(np.full(number, label), SIZE, 3, f"{part} {label}", np.zeros(number)).pixels[..., 0]
        for label in range(len(CLASSES))
    ]
    return np.clip(127.5 * (np.stack(drawn) + 1), 0, 255).astype(np.uint8)


def _worn(pictures: np.ndarray, amount: float, generator: np.random.Generator) -> np.ndarray:
    """Pictures as a generator makes them that has not learnt all: blurred and noisy."""
    smooth = gaussian_filter(pictures.astype(float), (0,) * (pictures.ndim - 2) + (2 * amount, 2 * amount))
    return np.clip(smooth + generator.normal(0, 90 * amount**2, pictures.shape), 0, 255).astype(np.uint8)


def arm_pictures(name: str) -> dict[str, np.ndarray]:
    """The arrays of an arm's file."""
    generator = np.random.default_rng(sum(map(ord, name)))
    amount = min(1.0, ARMS[name][-1] / 30)
    points = np.linspace(1.0, amount, 11)
    real = _phantoms("train", 12).reshape(-1, SIZE, SIZE)[:10]
    learnt = name.endswith("overfitted")
    return {
        "samples": _worn(_phantoms("made", 12), amount, generator),
        "training": np.stack([_worn(_phantoms("made", 6), float(one), generator) for one in points]),
        "training_updates": np.arange(11) * 200,
        "nearest_samples": real if learnt else _worn(real, 0.15 + amount / 2, generator),
        "nearest_real": real,
        "nearest_psnr": np.full(10, np.inf) if learnt else np.linspace(24.6, 22.1, 10),
    }


def real_pictures() -> dict[str, np.ndarray]:
    """The arrays of the dataset's file."""
    before = np.zeros((4, 96, 96), np.uint8)
    before[:, 8:-8, 8:-8] = np.kron(_phantoms("train", 12)[:, :2].reshape(-1, SIZE, SIZE), np.ones((3, 3)))[
        :, 2:-2, 2:-2
    ]
    marked = before.copy()
    marked[:, 14:24, 14:17] = marked[:, 21:24, 14:21] = 255
    return {"samples": _phantoms("train", 12), "cleaning_before": marked, "cleaning_after": before[:, 8:-8, 8:-8]}


def write_images_run(folder: Path, datasets: dict[str, dict[str, Any]] | None = None) -> Results:
    """Writes the run's results.json and pictures; returns what results.json holds."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    made = results(datasets)
    save_results(made, folder / "results.json")
    np.savez_compressed(folder / "pictures" / "real.npz", **real_pictures())
    for name in ARMS:
        np.savez_compressed(folder / "pictures" / f"{name}.npz", **arm_pictures(name))
    return made
