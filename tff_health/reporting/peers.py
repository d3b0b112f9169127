"""What other projects published on the same patients, beside this run.

FLamby (du Terrail et al. 2022, "FLamby: Datasets and Benchmarks for Cross-Silo Federated Learning in Realistic
Healthcare Settings", Fed-Heart-Disease): accuracy at a threshold of .5 on the pooled test patients of the protocol that
`heart_disease` follows with `protocol = "flamby"` and its split seed of 43.
"""

from __future__ import annotations

from tff_health.reporting.results import Arm, DatasetResult, Reference, Results

FLAMBY = "FLamby, Fed-Heart-Disease"
FLAMBY_ACCURACY = {"pooled": 0.795, "fedavg": 0.748, "best adaptive server (FedYogi)": 0.779, "cleveland alone": 0.784}
_SAME = (
    "Same patients, split and features, and logistic regression in both; hyperparameters and preprocessing are each "
    "project's own (ours: see Preprocessing), fitted federatedly over all hospitals here."
)


def compare_with_peers(results: Results) -> list[Reference]:
    """Peers' figures beside this run's; empty where no dataset follows a peer's protocol exactly."""
    references = []
    for name, dataset in results.datasets.items():
        ours = [arm for arm in dataset.arms.values() if arm.settings.get("method") != "paper-listing"]
        if not all(arm.settings.get("model", "logistic-regression") == "logistic-regression" for arm in ours):
            continue
        if not dataset.protocol.startswith("FLamby's:") or "(seed 43)" not in dataset.protocol:
            continue
        for row, theirs in FLAMBY_ACCURACY.items():
            found = _counterpart(dataset, row)
            if found is None:
                continue
            arm, measured = found
            references.append(
                Reference(
                    source=FLAMBY,
                    row=row,
                    metric="accuracy",
                    theirs=theirs,
                    ours=measured.metric("test/accuracy").value,
                    arm=arm,
                    dataset=name,
                    why=_SAME,
                )
            )
    return references


def _counterpart(dataset: DatasetResult, row: str) -> tuple[str, Arm] | None:
    """The arm that does what the peer's did."""
    for name, arm in dataset.arms.items():
        method = str(arm.settings.get("method"))
        if row in ("pooled", "fedavg") and method == row and "/" not in name:
            return name, arm
        if row.startswith("best adaptive") and method in ("fedadam", "fedyogi", "fedadagrad"):
            return name, arm
        if row == "cleveland alone" and name.endswith("/cleveland"):
            return name, arm
    return None
