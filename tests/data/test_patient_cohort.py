import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from data.patient_cohort import CORRELATIONS, DIAGNOSIS_SHARES, FEMALE_SHARE, SCHEMA, draw_patients, load

ROWS = 400_000
# Five standard errors of a correlation near 0, or of a standardised mean.
TOLERANCE = 5 / np.sqrt(ROWS)


@pytest.fixture(scope="module")
def patients():
    return draw_patients(ROWS, 0)


@pytest.mark.parametrize(("pair", "target"), CORRELATIONS.items(), ids=map("-".join, CORRELATIONS))
def test_correlations_meet_their_targets(patients, pair, target):
    first, second = (patients[name].to_numpy(float) for name in pair)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(target, abs=TOLERANCE)


def test_correlations_are_the_papers_weak_ones():
    assert CORRELATIONS[("systolic_bp", "cholesterol")] == 0.05
    assert CORRELATIONS[("systolic_bp", "risk")] == 0.01
    assert CORRELATIONS[("cholesterol", "risk")] == 0.09


@pytest.mark.parametrize(
    ("name", "mean", "sd"), [("systolic_bp", 122, 17), ("cholesterol", 196, 40), ("risk", 0.5, 13**-0.5 / 2)]
)
def test_margins_have_the_cited_means(patients, name, mean, sd):
    values = patients[name].to_numpy(float)
    assert values.mean() == pytest.approx(mean, abs=TOLERANCE * sd)
    # Rounding to whole numbers adds a variance of 1/12.
    assert values.std() == pytest.approx(sd, rel=0.01)


def test_ages_are_spread_evenly_over_whole_years(patients):
    years, counts = np.unique(patients["age"], return_counts=True)
    assert years.tolist() == list(range(20, 80))
    assert counts == pytest.approx(ROWS / 60, abs=5 * np.sqrt(ROWS / 60))


def test_shares_of_diagnosis_and_sex(patients):
    shares = patients["diagnosis"].value_counts(normalize=True)
    for code, share in DIAGNOSIS_SHARES.items():
        assert shares[code] == pytest.approx(share, abs=0.004)
    assert DIAGNOSIS_SHARES == {"disease_a": 0.33, "disease_b": 0.35, "healthy": 0.32}
    assert (patients["sex"] == "female").mean() == pytest.approx(FEMALE_SHARE, abs=0.004)


def test_risk_lies_mostly_between_two_and_eight_tenths(patients):
    inside = patients["risk"].between(0.2, 0.8).mean()
    assert inside == pytest.approx(0.977, abs=0.002)


def test_the_target_happens_with_the_patients_risk(patients):
    ill = patients["heart_disease"].to_numpy(float)
    risk = patients["risk"].to_numpy()
    for low in np.arange(0.2, 0.8, 0.1):
        group = (risk >= low) & (risk < low + 0.1)
        assert ill[group].mean() == pytest.approx(risk[group].mean(), abs=0.01)
    assert roc_auc_score(ill, risk) == pytest.approx(0.66, abs=0.01)


def test_rows_fit_the_schema():
    frame = draw_patients(5_000, 1)
    assert SCHEMA.check(frame, "cohort").equals(frame)
    assert SCHEMA["age"].quasi_identifier
    assert SCHEMA["sex"].quasi_identifier


def test_hospitals_are_split_and_trainable_and_seeds_repeat():
    federation = load({}, data_dir=None, seed=4).require_trainable()
    assert [len(h.train) + len(h.test) for h in federation.hospitals] == [400] * 5
    assert all(abs(len(h.test) - 100) <= 1 for h in federation.hospitals)
    again = load({}, data_dir=None, seed=4)
    assert all(a.train.equals(b.train) for a, b in zip(federation.hospitals, again.hospitals, strict=True))
    other = load({}, data_dir=None, seed=5)
    assert not federation.hospitals[0].train.equals(other.hospitals[0].train)
    assert load({"split_seed": 4}, data_dir=None, seed=9).hospitals[0].train.equals(federation.hospitals[0].train)


def test_shift_moves_hospitals_apart_and_is_noted():
    def spread(shift: float) -> float:
        federation = load({"rows": 2000, "hospitals": 8, "shift": shift}, data_dir=None, seed=0)
        return float(np.std([h.train["cholesterol"].mean() for h in federation.hospitals]))

    # Standard deviation of the mean of 1,500 patients: about 1 mg/dL. A shift of .3 adds about 12.
    assert spread(0) < 3 < 6 < spread(0.3)
    assert any("shift 0.3" in note for note in load({"shift": 0.3}, data_dir=None, seed=0).notes)


def test_an_extreme_shift_stays_inside_the_bounds():
    federation = load({"rows": 500, "hospitals": 20, "shift": 2}, data_dir=None, seed=0)
    for hospital in federation.hospitals:
        SCHEMA.check(hospital.train, hospital.name)
