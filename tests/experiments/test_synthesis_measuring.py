"""What is measured of a table: attacks where there is somebody to compare with, and intervals of the same table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from data.federation import Federation
from tff_health.evaluation.synthesis.intervals import held_out_intervals
from tff_health.evaluation.synthesis.utility import predict_held_out
from tff_health.experiments.generators.membership import merged_attacks
from tff_health.experiments.synthesis.fitting import Part, parts, training_matrices
from tff_health.experiments.synthesis.measuring import (
    held_out_table,
    measure_real,
    measure_synthetic,
    training_table,
)
from tff_health.experiments.synthesis.membership import membership_attacks
from tff_health.experiments.synthesis.settings import EvaluationSettings, SynthesisArm
from tff_health.reporting.document import Metric
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.runtime.seeds import generator

FEDERATION = load_dataset("breast_cancer", {"hospitals": 3, "partition": "iid", "test_fraction": 0.2}, seed=1)
SCHEMA = FEDERATION.schema
TABLE = pd.concat([hospital.train for hospital in FEDERATION.hospitals], ignore_index=True).sample(60, random_state=0)
TABLE = TABLE.reset_index(drop=True)
BARE = EvaluationSettings(fidelity=False, disclosure=False, membership=False, anonymeter=False, augmentation=False)


class NoRounds:
    """Stands for the federated classifier, which these tests do not look at."""

    def scores(self, table: pd.DataFrame | None = None) -> dict[str, float]:
        return {}


def own_parts(federation: Federation) -> tuple[Part, ...]:
    arm = SynthesisArm.model_validate({"method": "label-histograms", "data": "each-hospital"})
    return parts(arm, training_matrices(federation))


def holding_out(*sizes: int) -> Federation:
    hospitals = zip(FEDERATION.hospitals, sizes, strict=True)
    return replace(FEDERATION, hospitals=tuple(replace(h, test=h.test.head(size)) for h, size in hospitals))


def measured(federation: Federation, part: Part, chosen: EvaluationSettings, **options: Any) -> dict[str, Any]:
    settings = {"first": False, "only": False, "augmentation": None, "seed": 3, **options}
    return measure_synthetic(federation, TABLE, part, chosen, **settings)


@pytest.mark.parametrize("held_out", [0, 9])
def test_a_hospital_with_few_held_out_patients_is_not_attacked_and_the_run_goes_on(held_out):
    federation = holding_out(held_out, 10, 38)
    few, enough, _ = own_parts(federation)
    document = measured(federation, few, BARE.model_copy(update={"membership": True}))
    assert document["attacks"] == {}
    assert any(
        note == f"No membership attack was run: it takes 10 held-out patients, and hospital 1 holds out {held_out}."
        for note in document["notes"]
    )
    assert document["metrics"]["tstr/mean/auc"] > 0.5
    attacks, note = membership_attacks(federation, TABLE, enough, seed=3)
    assert attacks
    assert note == ""


def test_hospitals_that_only_score_are_nobody_to_compare_with():
    empty = FEDERATION.hospitals[0].train.head(0)
    apart = tuple(
        replace(hospital, **({"train": empty} if place else {"test": empty}))
        for place, hospital in enumerate(FEDERATION.hospitals)
    )
    federation = replace(FEDERATION, hospitals=apart)
    whole = Part("", tuple(training_matrices(federation).values()), ("hospital 1",), (len(apart[0].train),))
    attacks, note = membership_attacks(federation, TABLE, whole, seed=3)
    assert attacks == {}
    assert "the hospitals that trained hold out 0" in note


def test_splits_without_attacks_are_left_out_of_the_mean_and_intervals_stay_in_range():
    def found(auc: float, advantage: float) -> dict[str, Any]:
        one = Metric(value=auc, low=auc, high=auc, n=10)
        gained = Metric(value=advantage, low=advantage, high=advantage, n=10)
        attack = MembershipAttack(
            auc=one, auc_pooled=one, tpr_at_1pct_fpr=one, advantage=gained, members=5, non_members=5, note="one"
        )
        return {"nearest": attack.model_dump(mode="json")}

    merged = merged_attacks([found(1.0, -0.9), {}, found(0.8, 0.9)])["nearest"]
    assert merged.auc.value == pytest.approx(0.9)
    for metric in (merged.auc, merged.auc_pooled, merged.tpr_at_1pct_fpr):
        assert (metric.low, metric.high) == (0.0, 1.0)
    assert (merged.advantage.low, merged.advantage.high) == (-1.0, 1.0)


def test_a_single_split_has_intervals_over_its_held_out_patients():
    document = measure_real(FEDERATION, only=True, seed=3, augmentation=None, control=False)
    names = [name for name in document["metrics"] if name.startswith("trtr/")]
    assert set(document["intervals"]) == set(names)
    for name in names:
        low, high = document["intervals"][name]
        assert 0 <= low <= document["metrics"][name] <= high <= 1, name
    several = measure_real(FEDERATION, only=False, seed=3, augmentation=None, control=False)
    assert several["intervals"] == {}
    assert several["metrics"] == document["metrics"]


def test_the_interval_of_augmented_is_of_the_table_that_has_the_value():
    part = own_parts(FEDERATION)[0]  # fitted on some rows, but added to everybody's
    document = measured(FEDERATION, part, BARE, only=True, augmentation=NoRounds())
    both = pd.concat([training_table(FEDERATION), TABLE], ignore_index=True)
    predictions = predict_held_out(both, held_out_table(FEDERATION), SCHEMA, 3)
    expected = held_out_intervals(predictions, generator(3, "held-out patients"), resamples=100)
    for key, interval in expected.items():
        assert document["metrics"][f"augmented/{key}"] == pytest.approx(interval.value)
        if np.isfinite(interval.low):
            assert document["intervals"][f"augmented/{key}"] == [interval.low, interval.high], key
    assert "tstr/mean/auc" in document["intervals"]
