"""Peers' figures stand beside ours only where the protocol is theirs."""

from __future__ import annotations

import pytest

from tff_health.reporting.peers import FLAMBY, compare_with_peers
from tff_health.reporting.results import Arm, DatasetResult, Metric, Results


def results(protocol: str) -> Results:
    def arm(method: str, accuracy: float) -> Arm:
        return Arm(title=method, settings={"method": method}, metrics={"test/accuracy": Metric(value=accuracy, n=254)})

    arms = {
        "fedavg": arm("fedavg", 0.79),
        "adaptive": arm("fedadam", 0.81),
        "alone": arm("alone", 0.75),
        "alone/cleveland": arm("alone", 0.8),
        "pooled": arm("pooled", 0.802),
    }
    dataset = DatasetResult(title="h", kind="real", source="s", licence="l", protocol=protocol, arms=arms)
    return Results(experiment="e", title="t", question="q", datasets={"heart": dataset})


def test_flambys_figures_meet_their_counterparts():
    found = {reference.row: reference for reference in compare_with_peers(results("FLamby's: ... (seed 43)."))}
    assert {row: (r.theirs, r.ours, r.arm) for row, r in found.items()} == {
        "pooled": (0.795, 0.802, "pooled"),
        "fedavg": (0.748, 0.79, "fedavg"),
        "best adaptive server (FedYogi)": (0.779, 0.81, "adaptive"),
        "cleveland alone": (0.784, 0.8, "alone/cleveland"),
    }
    assert {reference.source for reference in found.values()} == {FLAMBY}


@pytest.mark.parametrize("protocol", ["", "all features", "FLamby's: ... (seed 1)."])
def test_other_protocols_are_not_compared(protocol):
    assert compare_with_peers(results(protocol)) == []
