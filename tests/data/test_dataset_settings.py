import pytest

from data.dataset_settings import BREAST_CANCER, CHEST_XRAY, HEART_DISEASE, PAPER_MOCK, PATIENT_COHORT, XRAY_PHANTOM
from data.errors import SettingsError, UnknownNameError
from data.settings import Setting

SPECS = (PAPER_MOCK, PATIENT_COHORT, BREAST_CANCER, HEART_DISEASE, CHEST_XRAY, XRAY_PHANTOM)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.owner)
def test_defaults_pass_their_own_checks(spec):
    defaults = spec.resolve({})
    given = {key: value for key, value in defaults.items() if value is not None}
    assert spec.resolve(given) == defaults
    assert all(setting.description for setting in spec.settings)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.owner)
def test_a_misspelt_setting_suggests_the_nearest(spec):
    message = f"unknown setting of {spec.owner} 'hospital': did you mean 'hospitals'"
    with pytest.raises(UnknownNameError, match=message):
        spec.resolve({"hospital": 3})


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (BREAST_CANCER, {"alpha": 0}, "alpha must be a number above 0, not 0"),
        (BREAST_CANCER, {"alpha": float("nan")}, "alpha must be"),
        (BREAST_CANCER, {"alpha": float("inf")}, "alpha must be"),
        (BREAST_CANCER, {"alpha": "0.5"}, "not '0.5'"),
        (BREAST_CANCER, {"hospitals": 0}, "hospitals must be a whole number between 1 and 100,000, not 0"),
        (BREAST_CANCER, {"hospitals": 2.5}, "a whole number"),
        (BREAST_CANCER, {"hospitals": True}, "not True"),
        (BREAST_CANCER, {"hospitals": 10**400}, "hospitals must be"),
        (BREAST_CANCER, {"hospitals": None}, "not None"),
        (BREAST_CANCER, {"test_fraction": 1}, "a number strictly between 0 and 1, not 1"),
        (BREAST_CANCER, {"test_fraction": 0.0}, "strictly between"),
        (BREAST_CANCER, {"split_seed": -1}, "split_seed must be"),
        (BREAST_CANCER, {"split_seed": 2**32}, "split_seed must be"),
        (BREAST_CANCER, {"partition": "dirichelt"}, "did you mean 'dirichlet'"),
        (BREAST_CANCER, {"partition": "natural"}, "unknown partition of breast_cancer"),
        (BREAST_CANCER, {"partition": 3}, "one of iid, dirichlet, size_skew, one_class, not 3"),
        (PAPER_MOCK, {"hospitals": 100_000, "rows": 1000}, "more than 10,000,000 rows"),
        (PAPER_MOCK, {"held_out": 100_000, "held_out_rows": 1000}, "more than 10,000,000 rows"),
        (PATIENT_COHORT, {"hospitals": 100_000, "rows": 1000}, "more than 10,000,000 rows"),
        (PATIENT_COHORT, {"shift": -0.1}, "shift must be a number between 0 and 2"),
        (HEART_DISEASE, {"hospitals": ["clevland"]}, "did you mean 'cleveland'"),
        (HEART_DISEASE, {"hospitals": []}, "a list of some of cleveland"),
        (HEART_DISEASE, {"hospitals": 5}, "a list of some of cleveland"),
        (HEART_DISEASE, {"hospitals": ["va", "va"]}, "names nothing twice"),
        (HEART_DISEASE, {"hospitals": [["va"]]}, "must be one of cleveland"),
        (HEART_DISEASE, {"verify": "no"}, "verify must be true or false, not 'no'"),
        (HEART_DISEASE, {"protocol": "flambi"}, "did you mean 'flamby'"),
        (HEART_DISEASE, {"simulated_hospitals": 5}, "needs a partition of iid"),
        (HEART_DISEASE, {"test_fraction": 0.3}, "flamby fixes the test fraction"),
        (CHEST_XRAY, {"source": "foldr"}, "did you mean 'folder'"),
        (CHEST_XRAY, {"source": "folder", "size": 32}, "size must be 28 or 64, not 32"),
        (CHEST_XRAY, {"size": 64}, "are 28 x 28 pixels, smaller than the size 64; set size = 28, or source = 'folder'"),
        (CHEST_XRAY, {"folder": "x"}, "folder needs source = 'folder'"),
        (CHEST_XRAY, {"source": "folder", "folder": " "}, "folder must be text that is not empty, not ' '"),
        (CHEST_XRAY, {"source": "folder", "folder": 3}, "folder must be text that is not empty, not 3"),
        (CHEST_XRAY, {"validation_fraction": 0.2}, "validation_fraction needs source = 'folder'"),
        (CHEST_XRAY, {"skip_corrupt": True}, "skip_corrupt needs source = 'folder'"),
        (CHEST_XRAY, {"images": 1}, "images must be a whole number between 2"),
        (CHEST_XRAY, {"cleaning": "yes"}, "cleaning must be true or false"),
        (XRAY_PHANTOM, {"size": 100}, "size must be a whole number between 28 and 64, not 100"),
        (XRAY_PHANTOM, {"size": 30}, "size must be 28 or 64, not 30"),
        (XRAY_PHANTOM, {"test_images": 4, "prevalence": 0.05}, "4 test_images at a prevalence of 0.05 leave a class"),
        (XRAY_PHANTOM, {"hospital_shift": 2}, "hospital_shift must be a number between 0 and 1"),
    ],
)
def test_wrong_values_are_refused_with_exit_code_two(spec, settings, message):
    with pytest.raises(SettingsError, match=message) as caught:
        spec.resolve(settings)
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 300


def test_values_come_in_their_own_type():
    resolved = BREAST_CANCER.resolve({"alpha": 1, "hospitals": 3.0})
    assert (resolved["alpha"], type(resolved["alpha"])) == (1.0, float)
    assert (resolved["hospitals"], type(resolved["hospitals"])) == (3, int)
    assert HEART_DISEASE.resolve({"hospitals": "va"})["hospitals"] == ("va",)
    assert BREAST_CANCER.resolve({"split_seed": None})["split_seed"] is None


def test_an_open_ended_number():
    assert Setting("n", "integer", 1, "n", low=3).read(3, "x") == 3
    with pytest.raises(SettingsError, match="n must be a whole number of at least 3, not 2"):
        Setting("n", "integer", 1, "n", low=3).read(2, "x")
