"""The one door to preprocessing within the budget, and what public bounds cost on real patients."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dp_accounting
import numpy as np
import pandas as pd
import pytest
from analytics_example import SCHEMA, make_rows
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit

from data.errors import SettingsError
from data.heart_disease import load
from tff_health.analytics.preprocessing import TablePreprocessor
from tff_health.analytics.private_preprocessing import fit_private_preprocessor, needed_release
from tff_health.analytics.private_settings import PrivatePreprocessing, PrivateStatistics
from tff_health.analytics.statistics import compute_table_statistics

pytestmark = pytest.mark.usefixtures("tff_context")
ROWS = make_rows(400, seed=51)
RELEASE = PrivateStatistics(2.0, "server", 2)


def dp(**options: Any) -> PrivatePreprocessing:
    return PrivatePreprocessing(mode="dp", release=RELEASE, **options)


def test_public_mode_looks_at_no_row_and_costs_nothing() -> None:
    class Forbidden:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"public preprocessing looked at the rows ({name})")

        def __len__(self) -> int:
            raise AssertionError("public preprocessing looked at the rows")

    settings = PrivatePreprocessing(reach=2.0, typical={"chol": 220}, missing_indicators=["chol"])
    preprocessor, event = fit_private_preprocessor(SCHEMA, Forbidden(), settings)  # type: ignore[arg-type]
    assert event == dp_accounting.NoOpDpEvent()
    assert preprocessor == TablePreprocessor.from_schema(
        SCHEMA, reach=2.0, typical={"chol": 220}, missing_indicators=["chol"]
    )


@pytest.mark.parametrize(
    ("options", "blocks"),
    [
        ({"scaling": "standard", "scale_categories": True}, 5),
        ({"scaling": "standard", "imputation": {"binary": "all_zero", "categorical": "first"}}, 3),
        ({"imputation": "median", "one_hot": "drop-first", "missing_indicators": ["chol"]}, 5),
        ({"imputation": {"integer": "most_frequent", "continuous": "middle", "binary": "all_zero"}}, 2),
    ],
)
def test_dp_mode_releases_what_is_needed_once(options: dict[str, Any], blocks: int) -> None:
    settings = dp(**options)
    assert needed_release(SCHEMA, settings).sensitivity == pytest.approx(np.sqrt(blocks))
    preprocessor, event = fit_private_preprocessor(SCHEMA, [ROWS[:150], ROWS[150:]], settings)
    assert event == dp_accounting.GaussianDpEvent(2.0)
    assert preprocessor.knowledge == "private statistics"
    assert np.isfinite(preprocessor.transform(ROWS)).all()
    again, _ = fit_private_preprocessor(SCHEMA, [ROWS[:150], ROWS[150:]], settings)
    assert again.to_dict() != preprocessor.to_dict()  # fresh noise each time


def test_dp_mode_that_needs_no_statistic_releases_none() -> None:
    public = {"continuous": "middle", "integer": "middle", "binary": "all_zero", "categorical": "all_zero"}
    preprocessor, event = fit_private_preprocessor(SCHEMA, [ROWS, ROWS], dp(imputation=public))
    assert event == dp_accounting.NoOpDpEvent()
    assert preprocessor == TablePreprocessor.from_schema(SCHEMA)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "none"}, "public or dp"),
        ({"mode": "dp"}, "needs release"),
        ({"release": RELEASE}, "releases nothing"),
        ({"mode": "dp", "release": RELEASE, "typical": {"chol": 1}}, "typical"),
        ({"mode": "dp", "release": RELEASE, "reach": 2.0}, "reach"),
        ({"scaling": "none", "scale_categories": True}, "scale_categories"),
        ({"bins": 0}, "bins"),
    ],
)
def test_settings_that_contradict_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PrivatePreprocessing(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_multiplier": 0.0}, "without noise there is no guarantee"),
        ({"noise_multiplier": float("nan")}, "noise_multiplier"),
        ({"placement": "nobody"}, "each-hospital"),
        ({"placement": "shared"}, "secure_sum=True"),
        ({"hospitals": 0}, "hospitals"),
    ],
)
def test_bad_releases(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PrivateStatistics(**{"noise_multiplier": 1.0, "placement": "server", "hospitals": 2, **options})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PrivatePreprocessing(scaling="standard"), "needs statistics of patients"),
        (PrivatePreprocessing(missing_indicators=True), "is a statistic of patients"),
        (dp(missing_indicators=True), "is a statistic of patients"),
        (dp(scaling="min-max"), "min-max"),
        (dp(imputation="mode"), "most_frequent"),
        (dp(one_hot="none"), "drop-first"),
    ],
)
def test_what_has_no_guarantee_is_refused_before_a_release(settings: PrivatePreprocessing, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fit_private_preprocessor(SCHEMA, [np.full((1, 1), np.inf)] * 2, settings)  # rows that nothing gets to see


def test_settings_and_trust_cost_no_tensorflow() -> None:
    code = (
        "import sys; from tff_health.analytics.private_settings import PrivatePreprocessing, PrivateStatistics as S;"
        "PrivatePreprocessing(); print(S(1.0, 'shared', 3, True).trust_model);"
        "assert not {'tensorflow', 'tensorflow_federated', 'dp_accounting'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "NOT SECURE" in done.stdout


@pytest.mark.parametrize("protocol", ["all_features", "flamby"])
def test_public_bounds_lose_little_on_real_patients(real_data: Path, protocol: str) -> None:
    """Cleveland, five stratified 80/20 splits, mean AUC of scikit-learn's logistic regression."""
    federation = load({"protocol": protocol, "hospitals": ("cleveland",)}, data_dir=real_data, seed=1)
    (cleveland,) = federation.hospitals
    frame = pd.concat([cleveland.train, cleveland.test], ignore_index=True)
    rows, labels = federation.schema.encode(frame), federation.labels(frame)
    public = {reach: TablePreprocessor.from_schema(federation.schema, reach=reach) for reach in (1.0, 2.0)}
    scores: dict[str, list[float]] = {"fitted": [], "public, reach 1": [], "public, reach 2": []}
    for train, test in StratifiedShuffleSplit(5, test_size=0.2, random_state=0).split(rows, labels):
        statistics = compute_table_statistics(federation.schema, [rows[train]], extremes=False, correlation=False)
        fitted = TablePreprocessor.fit(statistics, federation.schema)
        for name, preprocessor in zip(scores, (fitted, public[1.0], public[2.0]), strict=True):
            model = LogisticRegression(max_iter=5000).fit(preprocessor.transform(rows[train]), labels[train])
            scores[name].append(
                roc_auc_score(labels[test], model.decision_function(preprocessor.transform(rows[test])))
            )
    means = {name: float(np.mean(aucs)) for name, aucs in scores.items()}
    print(protocol, means)
    assert means["public, reach 1"] >= means["fitted"] - 0.015
    assert means["public, reach 2"] >= means["fitted"] - 0.005
