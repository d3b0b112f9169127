import subprocess
import sys
from pathlib import Path

import pytest

from data import catalogue
from data.catalogue import (
    check_dataset,
    datasets,
    fetch_dataset,
    find_dataset,
    is_present,
    load_dataset,
    register_dataset,
    validate_settings,
)
from data.dataset_settings import PAPER_MOCK
from data.errors import DataError, SettingsError, UnknownNameError
from data.image_federation import ImageFederation

REPOSITORY = Path(__file__).parents[2]
OFFLINE = [dataset.name for dataset in datasets() if dataset.offline and not dataset.images]


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    """What a test registers or imports is gone after it."""
    monkeypatch.setattr(catalogue, "_REGISTRY", dict(catalogue._REGISTRY))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("users_"):
            del sys.modules[name]


def test_listing_and_checking_settings_import_nothing_heavy():
    code = (
        "import sys, data.catalogue as c\n"
        "names = [d.name for d in c.datasets()]\n"
        "[c.validate_settings(name, {}) for name in names]\n"
        "heavy = {'pandas', 'numpy', 'sklearn', 'scipy', 'requests', 'tensorflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert names[:4] == ['paper_mock', 'patient_cohort', 'breast_cancer', 'heart_disease'], names\n"
        "assert names[4:] == ['xray_phantom', 'chest_xray', 'table'], names\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_datasets_load_by_name(name):
    federation = load_dataset(name, {}, seed=7).require_trainable()
    assert federation.name == name
    assert federation.kind == find_dataset(name).kind
    assert len(federation.members) == len(federation.scored) == 5
    for hospital in federation.members:
        federation.schema.check(hospital.train, hospital.name)
    assert is_present(name)
    assert fetch_dataset(name) is None
    assert check_dataset(name)[-1].startswith(f"{name} loads: 5 training hospitals")


def test_images_load_by_name_and_are_counted_as_images():
    federation = load_dataset("xray_phantom", {"images": 200}, seed=7).require_trainable().require_scored()
    assert isinstance(federation, ImageFederation)
    assert is_present("xray_phantom")
    assert fetch_dataset("xray_phantom") is None
    assert check_dataset("xray_phantom") == (
        "xray_phantom loads: 5 training hospitals, 1,000 training images of 28 x 28 pixels, 200 for validation, "
        "400 held-out images.",
    )


def test_every_entry_describes_itself_and_its_settings():
    for dataset in datasets():
        assert dataset.description
        assert "\n" not in dataset.description
        assert dataset.settings is not None
        assert dataset.settings.owner == dataset.name
        assert callable(dataset.function())


def test_unknown_names_suggest_the_nearest():
    for call in (find_dataset, is_present, fetch_dataset, check_dataset):
        with pytest.raises(UnknownNameError, match="unknown dataset 'brest_cancer': did you mean 'breast_cancer'"):
            call("brest_cancer")
    with pytest.raises(UnknownNameError, match="known are paper_mock, patient_cohort"):
        load_dataset("../../etc/passwd", {})


def test_settings_are_validated_without_loading():
    assert validate_settings("breast_cancer", {"alpha": 1})["alpha"] == 1.0
    with pytest.raises(UnknownNameError, match="did you mean 'alpha'"):
        validate_settings("breast_cancer", {"alhpa": 1})
    with pytest.raises(UnknownNameError, match="did you mean 'alpha'"):
        load_dataset("breast_cancer", {"alhpa": 1})
    with pytest.raises(SettingsError, match="seed must be at least 0"):
        load_dataset("breast_cancer", {}, seed=-1)


def test_missing_files_are_reported_by_name(tmp_path):
    assert not is_present("heart_disease", tmp_path)
    for call in (check_dataset, lambda name, folder: load_dataset(name, {}, data_dir=folder)):
        with pytest.raises(DataError, match="data fetch heart_disease"):
            call("heart_disease", tmp_path)


USERS = '''
"""A module of a user's."""
from data.catalogue import load_dataset, register_dataset
from data.settings import Setting, SettingsSpec

SPEC = SettingsSpec("mine", (Setting("size", "integer", 10, "rows", low=1),))
number = 3

def plain(settings, *, data_dir, seed):
    """Mine."""
    return load_dataset("paper_mock", settings, seed=seed)

@register_dataset("mine", description="a user's", kind="simulated", settings=SPEC)
def mine(settings, *, data_dir, seed):
    return load_dataset("paper_mock", {"rows": SPEC.resolve(settings)["size"]}, seed=seed)

def wrong(settings, *, data_dir, seed):
    return [1, 2]
'''


@pytest.fixture
def users_module(tmp_path, monkeypatch, request) -> str:
    name = f"users_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(USERS)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_users_function_is_found_in_the_working_folder(users_module):
    assert find_dataset(f"{users_module}:plain").description == "Mine."
    assert validate_settings(f"{users_module}:plain", {"rows": 3}) == {"rows": 3}
    federation = load_dataset(f"{users_module}:plain", {"rows": 3}, seed=1)
    assert len(federation.hospitals[0].train) == 3


def test_a_registered_function_answers_to_both_names_and_validates(users_module):
    target = f"{users_module}:mine"
    assert find_dataset(target).name == "mine"
    assert find_dataset("mine") in datasets()
    assert validate_settings(target, {}) == {"size": 10}
    assert len(load_dataset("mine", {"size": 4}).hospitals[0].train) == 4
    with pytest.raises(UnknownNameError, match="unknown setting of mine 'siz': did you mean 'size'"):
        validate_settings("mine", {"siz": 4})


def test_a_users_mistakes_are_named(users_module, tmp_path):
    with pytest.raises(UnknownNameError, match="'plian': did you mean 'plain'"):
        find_dataset(f"{users_module}:plian")
    with pytest.raises(SettingsError, match="is no function; a dataset is"):
        find_dataset(f"{users_module}:number")
    with pytest.raises(DataError, match="its function returned list, not a Federation or ImageFederation"):
        load_dataset(f"{users_module}:wrong", {})
    with pytest.raises(UnknownNameError, match="there is no module 'users_nowhere'"):
        find_dataset("users_nowhere:load")
    with pytest.raises(UnknownNameError, match="there is no module 'users_nowhere'"):
        find_dataset("users_nowhere.below:load")
    (tmp_path / "users_broken.py").write_text("def load(:\n")
    with pytest.raises(SettingsError, match=r"users_broken cannot be imported \(SyntaxError: "):
        find_dataset("users_broken:load")
    (tmp_path / "users_needy.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(SettingsError, match="users_needy needs a_package_that_nobody_has, which is not installed"):
        find_dataset("users_needy:load")


@pytest.mark.parametrize("name", ["a:", ":b", "a:b:c", "../x:load", "a b:c", "a.:c", "os;x:y", "<script>:x"])
def test_only_module_and_function_are_imported(name):
    with pytest.raises(UnknownNameError, match="is not of the form module:function"):
        find_dataset(name)


def test_names_can_be_registered_once():
    def other(settings, *, data_dir, seed):
        raise NotImplementedError

    enter = register_dataset("mine", description="d", kind="real", settings=PAPER_MOCK)
    assert enter(other) is other
    assert enter(other) is other
    with pytest.raises(SettingsError, match=r"'paper_mock' is taken by data\.paper_mock:load"):
        register_dataset("paper_mock", description="d", kind="real")(other)
    for name in ("", " ", "a:b"):
        with pytest.raises(SettingsError, match="cannot name a dataset"):
            register_dataset(name, description="d", kind="real")


def test_the_working_folder_never_hides_an_installed_module(tmp_path, monkeypatch):
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("colorsys", None)
    assert callable(find_dataset("colorsys:rgb_to_hsv").function())
