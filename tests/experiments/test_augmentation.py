"""Federated training on real and synthetic rows together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.catalogue import load_dataset
from data.federation import Federation
from tff_health.experiments.synthesis.augmentation import FederatedAugmentation


@pytest.fixture(scope="module")
def hospitals() -> Federation:
    return load_dataset(
        "breast_cancer", {"hospitals": 3, "partition": "iid", "test_fraction": 0.3}, data_dir=None, seed=2
    )


@pytest.fixture(scope="module")
def augmentation(hospitals: Federation) -> FederatedAugmentation:
    return FederatedAugmentation(hospitals, seed=4)


def real_rows(federation: Federation) -> pd.DataFrame:
    return pd.concat([hospital.train for hospital in federation.members], ignore_index=True)


@pytest.mark.slow
def test_a_process_that_was_used_before_gives_the_same(
    hospitals: Federation, augmentation: FederatedAugmentation
) -> None:
    table = real_rows(hospitals).sample(frac=1, random_state=1)
    augmentation.scores()
    assert augmentation.scores(table) == FederatedAugmentation(hospitals, seed=4).scores(table)


def test_good_rows_do_no_harm_and_wrong_ones_do(hospitals: Federation, augmentation: FederatedAugmentation) -> None:
    schema, table = hospitals.schema, real_rows(hospitals)
    codes = schema[schema.target].codes
    wrong = table.assign(**{schema.target: table[schema.target].map(dict(zip(codes, codes[::-1], strict=True)))})
    real = augmentation.scores()
    assert real["auc"] > 0.97
    assert abs(augmentation.scores(table)["auc"] - real["auc"]) < 0.01
    # Every real row stands beside its like with the other label.
    assert augmentation.scores(pd.concat([wrong, wrong]))["accuracy"] < real["accuracy"] - 0.05


def test_hospitals_keep_their_held_out_patients(hospitals: Federation) -> None:
    """What is scored is the real held-out patients, whatever the synthetic rows are."""
    none_held_out = replace(
        hospitals,
        hospitals=tuple(
            replace(hospital, test=hospital.test.iloc[: 20 + place])
            for place, hospital in enumerate(hospitals.hospitals)
        ),
    )
    scored = sum(len(hospital.test) for hospital in none_held_out.scored)
    accuracy = FederatedAugmentation(none_held_out, seed=4).scores(real_rows(hospitals))["accuracy"]
    assert np.isclose(accuracy * scored, round(accuracy * scored))
