"""What the report's words mean, in a line each."""

from __future__ import annotations

from tff_health.reporting.results import Results

METRICS = {
    "Accuracy": "Share of held-out patients classified rightly at the arm's threshold.",
    "AUC": "Area under the ROC curve: the chance that a patient with the condition scores above one without. "
    "0.5 is guessing, 1 is perfect.",
    "Sensitivity": "Share of patients with the condition that the model finds.",
    "Specificity": "Share of patients without the condition that the model clears.",
    "F1": "Harmonic mean of sensitivity and of the share of alarms that are right.",
    "Brier score": "Mean squared distance between predicted risk and outcome; lower is better, 0.25 is a "
    "constant "
    "guess of one half.",
    "Calibration error": "Mean distance between predicted risk and observed share over ten bins (ECE); "
    "lower is "
    "better.",
    "Log loss": "Binary cross-entropy on held-out patients; lower is better, 0.693 is a constant guess of one half.",
    "Interval": "95 % bootstrap interval over held-out patients.",
    "Held out": "Patients that took no part in training, in preprocessing or in choosing anything.",
    "Round": "Hospitals train on their own rows from the global model; the server combines what they send.",
}

ARMS = {
    "paper-listing": "The paper's listing with its two faults reproduced: clients start from fresh weights "
    "and never "
    "receive the global model.",
    "alone": "Each hospital trains on its own rows only; the figures are means over hospitals.",
    "pooled": "One model on all hospitals' training rows in one place: what federation tries to match "
    "without "
    "moving rows.",
    "fedavg": "Federated averaging: the server takes the mean of the hospitals' updates.",
    "fedavg-tuned": "Federated averaging with hyperparameters chosen without held-out patients.",
    "fedprox": "Federated averaging with a pull towards the global model during local training.",
    "fedadam": "Federated averaging with Adam on the server.",
    "fedyogi": "Federated averaging with Yogi, an adaptive optimiser, on the server.",
    "fedadagrad": "Federated averaging with Adagrad on the server.",
}


def arm_lines(results: Results) -> dict[str, str]:
    """Title -> one line for every arm of the run; the run's own description comes first."""
    lines: dict[str, str] = {}
    for dataset in results.datasets.values():
        for name, arm in dataset.shown_arms.items():
            line = arm.description or ARMS.get(name, "")
            if line and arm.title not in lines:
                lines[arm.title] = line
    return lines
