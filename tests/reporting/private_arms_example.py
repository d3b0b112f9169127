"""Private arms as a run would leave them: guarantees, attacks and audits with invented but coherent figures."""

from __future__ import annotations

from typing import Any

# Arm -> (title, how far its scores separate the classes, rounds).
PRIVATE_ARMS: dict[str, tuple[str, float, int]] = {
    "fedavg-secure": ("FedAvg through a secure sum", 2.2, 5),
    "fedavg-patient-dp-eps1": ("FedAvg, patient-level DP, shared noise, epsilon 1", 1.4, 8),
    "fedavg-patient-dp-eps3": ("FedAvg, patient-level DP, shared noise, epsilon 3", 2.1, 8),
    "fedavg-hospital-dp": ("FedAvg, hospital-level DP", 0.6, 5),
}
PATIENT = {
    "unit": "patient",
    "adjacency": "zero-out (one patient's row replaced by an empty one; row counts are public)",
    "mechanism": "DP-SGD with flat clipping",
    "sampling": "none: every patient in every step",
    "delta": 1e-5,
    "accountant": "pld",
    "trust_model": "hospitals trust the secure sum: the server sees no single update.",
    "secure_aggregation": "simulated",
    "clip": 0.5,
    "steps": 8,
    "warnings": ["one patient may have several rows"],
    "not_covered": ["side channels"],
}


def privacy(arm: str) -> dict[str, Any] | None:
    """The arm's guarantee; None for arms that claim nothing."""
    if arm.startswith("fedavg-patient-dp-eps"):
        epsilon = float(arm.removeprefix("fedavg-patient-dp-eps"))
        return PATIENT | {
            "epsilon": epsilon,
            "sentence": f"Each patient is protected at epsilon {epsilon:g}, delta 1e-5.",
            "noise_multiplier": 9.6 / epsilon,
            "epsilon_by_hospital": {"cleveland": epsilon, "va": epsilon},
            "epsilon_against_colluding_hospital": 1.1623 * epsilon,
        }
    if arm == "fedavg-hospital-dp":
        return {
            **PATIENT,
            "unit": "hospital",
            "adjacency": "zero-out (one hospital's update replaced by zeros)",
            "mechanism": "Gaussian with fixed clipping",
            "epsilon": 11.4601,
            "trust_model": "the server adds the noise and is trusted to",
            "secure_aggregation": "none",
        }
    return None


def attack(auc: float, half: float = 0.04, hospitals: tuple[str, ...] = ("cleveland", "va")) -> dict[str, Any]:
    """One attack's figures around an AUC."""
    measured = {"value": auc, "low": auc - half, "high": min(auc + half, 1.0), "n": 250}
    return {
        "auc": measured,
        "auc_pooled": measured,
        "tpr_at_1pct_fpr": {"value": 0.012, "low": 0.0, "high": 0.04},
        "advantage": {"value": abs(auc - 0.5), "low": 0.0, "high": 0.2},
        "hospitals": dict.fromkeys(hospitals, measured),
        "members": 487,
        "non_members": 253,
        "note": "",
    }


def membership(arm: str) -> dict[str, Any]:
    """All attacks on an arm: what is not private leaks a little."""
    leak = 0.56 if privacy(arm) is None else 0.505
    return {
        "loss": attack(leak - 0.01),
        "confidence": attack(leak - 0.015),
        "lira": attack(leak) | {"shadows": 16, "note": "Shadow models share the arm's settings."},
    }


def control() -> dict[str, Any]:
    """The attack's own control: an overfitted model that is found, one that saw nobody and is not."""
    return {"overfitted": attack(0.93), "unseen": attack(0.49)}


def audit(arm: str) -> dict[str, Any] | None:
    """A canary audit of the private arms."""
    guarantee = privacy(arm)
    if guarantee is None or guarantee["epsilon"] is None:
        return None
    return {
        "unit": guarantee["unit"],
        "method": "one-run canary audit (Steinke, Nasr and Jagielski 2023)",
        "epsilon_lower": 0.0 if guarantee["epsilon"] < 2 else 0.4567,
        "epsilon_claimed": guarantee["epsilon"],
        "delta": 1e-5,
        "confidence": 0.95,
        "ceiling": 4.191,
        "canaries": 200,
        "guesses": 60,
        "correct": 38,
        "flagged": False,
        "sentence": "An audit with 200 canaries shows too little to refute the claim.",
    }


LEDGER = [
    {
        "unit": "patient",
        "epsilon": 4.21,
        "delta": 3e-5,
        "releases": 17,
        "sentence": "Whoever sees all private arms learns about a patient at most what epsilon 4.21 allows.",
    }
]
PRIVATE_PREPROCESSING = ["Scaled by public bounds of the columns, which cost nothing"]
