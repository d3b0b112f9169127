import pytest

from data.catalogue import register_dataset
from data.errors import SettingsError, UnknownNameError
from data.federation import Federation
from data.image_federation import ImageFederation
from data.modality import load_image_dataset, load_table_dataset
from data.xray_phantom import load


def hidden(settings, *, data_dir, seed):
    """Images of a user's, of which the catalogue knows nothing."""
    return load({"images": 200}, data_dir=data_dir, seed=seed)


def test_each_loads_its_own():
    assert isinstance(load_table_dataset("paper_mock", {}), Federation)
    assert isinstance(load_image_dataset("xray_phantom", {"images": 200}), ImageFederation)


def test_images_are_no_table_and_no_file_is_looked_for(tmp_path):
    for name in ("chest_xray", "xray_phantom", f"{__name__}:hidden"):
        with pytest.raises(SettingsError, match=f"dataset {name} holds images, .* choose a dataset of tables such as"):
            load_table_dataset(name, {}, data_dir=tmp_path)


def test_a_table_is_no_images():
    with pytest.raises(SettingsError, match=r"the dataset paper_mock holds a table, .* of images such as xray_phantom"):
        load_image_dataset("paper_mock", {})


def test_unknown_names_and_settings_are_said_first():
    for load_one in (load_table_dataset, load_image_dataset):
        with pytest.raises(UnknownNameError, match="did you mean 'chest_xray'"):
            load_one("chest_xrays", {})


def test_a_registered_function_may_say_that_it_gives_images(monkeypatch):
    from data import catalogue

    monkeypatch.setattr(catalogue, "_REGISTRY", dict(catalogue._REGISTRY))
    register_dataset("mine", description="d", kind="real", images=True)(hidden)
    assert isinstance(load_image_dataset("mine", {}), ImageFederation)
