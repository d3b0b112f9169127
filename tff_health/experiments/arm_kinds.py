"""Which kind of arm a candidate is."""

from __future__ import annotations

from tff_health.experiments.arms import ArmRun, FederatedArm
from tff_health.experiments.baseline_arms import LocalArm, LogisticRegressionArm, PaperListingArm
from tff_health.experiments.prepared import PreparedDataset, concatenated
from tff_health.experiments.private_arm import PrivateArm
from tff_health.experiments.processes import ProcessCache
from tff_health.experiments.settings import Candidate
from tff_health.privacy.ledger import PrivacyLedger


def build_arm(
    name: str,
    dataset: PreparedDataset,
    candidate: Candidate,
    cache: ProcessCache,
    ledger: PrivacyLedger,
    *,
    repeats: int,
    seed: int,
) -> ArmRun:
    """The arm for a candidate's method and privacy."""
    common = {"repeats": repeats, "seed": seed}
    if candidate.privacy is not None:
        return PrivateArm(name, cache.plan(candidate), ledger, dataset, candidate, cache, **common)
    if candidate.method == "alone":
        names = [rows.hospital for rows in dataset.train]
        return LocalArm(dataset.train, names, dataset, candidate, cache, **common)
    if candidate.method == "pooled":
        return LocalArm([concatenated(dataset.train)], [""], dataset, candidate, cache, **common)
    if candidate.method == "paper-listing":
        return PaperListingArm(dataset, candidate, cache, **common)
    if candidate.method == "logistic-regression":
        return LogisticRegressionArm(dataset, candidate, cache, **common)
    return FederatedArm(dataset, candidate, cache, **common)
