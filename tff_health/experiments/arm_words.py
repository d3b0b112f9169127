"""What arms are called, and what they do in a sentence, for the report."""

from __future__ import annotations

METHOD_TITLES = {"fedavg": "FedAvg", "fedprox": "FedProx", "fedadam": "FedAdam", "fedyogi": "FedYogi"} | {
    "fedadagrad": "FedAdagrad"
}
DEFAULT_DESCRIPTIONS = {
    "fedavg": "federated averaging: hospitals train from the shared model, the server averages what they send",
    "fedprox": "federated averaging whose hospitals are held near the shared model",
    "fedadam": "federated training whose server steps with Adam",
    "fedyogi": "federated training whose server steps with Yogi",
    "fedadagrad": "federated training whose server steps with Adagrad",
    "pooled": "what training would give if every hospital handed over its patients",
    "alone": "every hospital trains on its own patients only; the mean over hospitals",
    "paper-listing": "the paper's listing: clients start from new random weights and never receive the global model",
    "logistic-regression": "scikit-learn's logistic regression on pooled rows, run to convergence",
}
