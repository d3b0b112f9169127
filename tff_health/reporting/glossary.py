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

PRIVACY = {
    "Differential privacy, epsilon": "What a training run releases is almost as likely with one unit's data "
    "as without: the odds that anyone can assign change by a factor of e to the power of epsilon at most. 0 reveals "
    "nothing, 1 allows a factor of 2.7, above 10 the promise is weak. The accountant's epsilon is an upper bound.",
    "Delta": "The chance that the bound of epsilon does not hold; it must be well below one over the number of units.",
    "Unit": "Whose data the guarantee hides: one patient's row, or all rows of one hospital at once.",
    "Zero-out adjacency": "With and without a unit means: its contribution is replaced by an empty one. The number of "
    "hospitals and of rows in each are public.",
    "Sampling": "Who takes part in a step. Poisson sampling (each patient by a coin of their own) lowers epsilon; "
    "taking everybody claims no such gain.",
    "Trust model": "Who could see more than the guarantee allows for, and is trusted not to look.",
    "Secure aggregation": "The server learns the hospitals' sum but no single update. Simulated, it is a plain sum: "
    "NOT SECURE. Masked, hospitals add random numbers that cancel in the sum (docs/threat_model.md says against whom).",
    "Membership inference": "An attack that guesses who was trained on. Loss threshold and confidence use one "
    "patient's score; TPR at 1 % FPR is the share of members found when one non-member in a hundred is accused.",
    "LiRA": "Likelihood-ratio attack: compares a patient's score with those of shadow models trained with and without "
    "that patient (Carlini et al. 2022).",
    "Canary audit": "Made-up units are put into training by coin flips and guessed afterwards: right guesses prove "
    "that epsilon is at least so large. A lower bound above the claim refutes the claim.",
    "Ceiling": "The largest epsilon an audit could have shown, had every guess been right. Passing an audit whose "
    "ceiling lies below the claim says little.",
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
