"""On the real files where TFF_HEALTH_DATA names them, and on made-up files everywhere."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_chest_xrays import archive_arrays, picture, write_archive, write_folder, write_picture

from data.catalogue import check_dataset, load_dataset
from data.chest_xray import examples_of_cleaning, load
from data.errors import DataError, SettingsError, UnknownNameError
from data.image_cleaning import median, scaled
from data.image_federation import ImageFederation, LabelledImages
from data.image_groups import fingerprints

ARCHIVE = {"verify": False, "hospitals": 2, "min_rows": 5, "partition": "iid"}
FOLDER = {"source": "folder", "hospitals": 2, "min_rows": 4, "partition": "iid"}


def parts(federation: ImageFederation) -> list[LabelledImages]:
    return [*(hospital.train for hospital in federation.hospitals), federation.validation, federation.test]


def require_apart(federation: ImageFederation) -> None:
    """No picture and no patient is in two hospitals or on two sides."""
    for first, second in itertools.combinations(parts(federation), 2):
        assert not set(first.groups) & set(second.groups)
        assert not set(fingerprints(first)) & set(fingerprints(second))


class TestArchive:
    def test_every_image_is_used_once_and_scaled(self, tmp_path):
        arrays = archive_arrays()
        write_archive(tmp_path, arrays)
        federation = load(ARCHIVE, data_dir=tmp_path, seed=0).require_trainable().require_scored()
        assert (federation.size, federation.classes) == (28, ("normal", "pneumonia"))
        assert [len(hospital.train) for hospital in federation.hospitals] == [50, 50]
        for split, part in (("val", federation.validation), ("test", federation.test)):
            assert np.array_equal(part.pixels[..., 0], scaled(arrays[f"{split}_images"]))
            assert np.array_equal(part.labels, arrays[f"{split}_labels"].ravel())
        trained = np.concatenate([hospital.train.pixels for hospital in federation.hospitals])
        assert sorted(trained.sum((1, 2, 3))) == sorted(scaled(arrays["train_images"])[..., None].sum((1, 2, 3)))
        require_apart(federation)

    def test_copies_never_cross_a_line(self, tmp_path):
        arrays = archive_arrays()
        images, labels = arrays["train_images"], arrays["train_labels"]
        for here, there in ((1, 0), (2, 0), (4, 3)):
            images[here], labels[here] = images[there], labels[there]
        arrays["val_images"][5] = images[7]
        arrays["val_images"][6] = arrays["test_images"][0]
        arrays["test_images"][3] = images[9]
        arrays["test_images"][8] = arrays["test_images"][4]
        write_archive(tmp_path, arrays)
        for seed in range(3):
            federation = load({**ARCHIVE, "split_seed": seed}, data_dir=tmp_path, seed=0)
            assert [len(part) for part in parts(federation)[2:]] == [12, 22]
            assert sum(len(hospital.train) for hospital in federation.hospitals) == 99
            require_apart(federation)
        assert federation.notes[1:5] == (
            "1 training image was left out, whose picture or patient is also among the test images.",
            "2 validation images were left out, whose picture or patient is also among the training or test images.",
            "1 test images are exact copies of another test image and count as often as they stand.",
            "3 training images are exact copies of another; copies stay in one hospital.",
        )

    def test_the_seed_decides_unless_a_split_seed_is_given(self, tmp_path):
        write_archive(tmp_path)

        def groups(seed: int, **settings: object) -> list[str]:
            return load({**ARCHIVE, **settings}, data_dir=tmp_path, seed=seed).hospitals[0].train.groups.tolist()

        assert groups(0) == groups(0) != groups(1)
        assert groups(0, split_seed=1) == groups(1)

    def test_fewer_images_keep_the_classes_shares(self, tmp_path):
        write_archive(tmp_path)
        federation = load({**ARCHIVE, "images": 20}, data_dir=tmp_path, seed=0)
        labels = np.concatenate([hospital.train.labels for hospital in federation.hospitals])
        assert np.bincount(labels).tolist() == [8, 12]
        assert "20 of 100 training images are used, drawn class by class." in federation.notes
        with pytest.raises(SettingsError, match="images is 101, and there are 100 training images"):
            load({**ARCHIVE, "images": 101}, data_dir=tmp_path, seed=0)

    def test_cleaning_is_the_median_filter(self, tmp_path):
        arrays = archive_arrays()
        write_archive(tmp_path, arrays)
        federation = load({**ARCHIVE, "cleaning": True}, data_dir=tmp_path, seed=0)
        filtered = np.stack([median(image) for image in arrays["test_images"]])
        assert np.array_equal(federation.test.pixels[..., 0], scaled(filtered))
        assert "Noise was filtered with a 3 x 3 median." in federation.notes

    def test_examples_of_cleaning(self, tmp_path):
        write_archive(tmp_path)
        examples = examples_of_cleaning(ARCHIVE, data_dir=tmp_path, seed=0, number=3)
        assert len(examples) == 3
        for example in examples:
            assert np.array_equal(example.after, median(example.before))
            assert np.array_equal(example.image, example.after)

    def test_settings_are_checked_before_files_are_looked_for(self, tmp_path):
        with pytest.raises(UnknownNameError, match="did you mean 'partition'"):
            load({"partitoin": "iid"}, data_dir=tmp_path, seed=0)

    def test_too_many_hospitals(self, tmp_path):
        write_archive(tmp_path)
        with pytest.raises(SettingsError, match="class 0 is too rare for 20 hospitals"):
            load({**ARCHIVE, "hospitals": 20}, data_dir=tmp_path, seed=0)


class TestFolder:
    @pytest.mark.parametrize("size", [28, 64])
    @pytest.mark.parametrize("partition", ["iid", "dirichlet", "size_skew"])
    def test_no_patient_stands_on_two_sides(self, tmp_path, size, partition):
        write_folder(tmp_path)
        settings = {**FOLDER, "size": size, "partition": partition}
        federation = load(settings, data_dir=tmp_path, seed=0).require_trainable().require_scored()
        require_apart(federation)
        # A tenth of 12 patients a class is one: one normal image, and both images of one person.
        assert (len(federation.validation), len(federation.test)) == (3, 6)
        assert sum(len(hospital.train) for hospital in federation.hospitals) == 33
        assert federation.test.pixels.shape == (6, size, size, 1)

    def test_patients_of_the_test_are_taken_out_of_training(self, tmp_path):
        folder = write_folder(tmp_path)
        write_picture(folder / "test" / "PNEUMONIA" / "person5_virus_999.jpeg", picture(900))
        federation = load(FOLDER, data_dir=tmp_path, seed=0)
        require_apart(federation)
        assert len(federation.test) == 7
        assert "person5" not in np.concatenate([hospital.train.groups for hospital in federation.hospitals])
        assert federation.notes[0].startswith("2 training images were left out, whose picture or patient is also")

    def test_a_copied_file_joins_two_patients(self, tmp_path):
        folder = write_folder(tmp_path)
        twin = (folder / "train" / "PNEUMONIA" / "person4_virus_8.jpeg").read_bytes()
        (folder / "train" / "PNEUMONIA" / "person9_virus_998.jpeg").write_bytes(twin)
        for seed in range(4):
            federation = load(FOLDER, data_dir=tmp_path, seed=seed)
            require_apart(federation)
        assert "person9" not in np.concatenate([part.groups for part in parts(federation)])
        assert any(note.startswith("1 training images are exact copies") for note in federation.notes)

    def test_a_val_folder_is_the_validation(self, tmp_path):
        folder = write_folder(tmp_path)
        for label, name in ((0, "IM-0900-0001"), (1, "person900_virus_1"), (1, "person3_virus_2")):
            path = folder / "val" / ("NORMAL", "PNEUMONIA")[label] / f"{name}.jpeg"
            write_picture(path, picture(901 + len(name) + label))
        federation = load(FOLDER, data_dir=tmp_path, seed=0)
        # Person 3 trains.
        assert sorted(federation.validation.groups) == ["IM-0900", "person900"]
        assert sum(len(hospital.train) for hospital in federation.hospitals) == 36
        assert "1 validation image was left out" in federation.notes[0]

    def test_skipped_files_are_noted(self, tmp_path):
        folder = write_folder(tmp_path)
        (folder / "train" / "NORMAL" / "IM-0003-0001.jpeg").write_bytes(b"")
        (folder / "test" / "NORMAL" / "IM-0101-0001.jpeg").write_bytes(b"x")
        with pytest.raises(DataError, match=r"IM-0003-0001\.jpeg is empty"):
            load(FOLDER, data_dir=tmp_path, seed=0)
        federation = load({**FOLDER, "skip_corrupt": True}, data_dir=tmp_path, seed=0)
        assert federation.notes[:2] == (
            "1 file could not be read and were left out: train/NORMAL/IM-0003-0001.jpeg.",
            "1 file could not be read and were left out: test/NORMAL/IM-0101-0001.jpeg.",
        )

    def test_validation_fraction(self, tmp_path):
        write_folder(tmp_path)
        federation = load({**FOLDER, "validation_fraction": 0.25}, data_dir=tmp_path, seed=0)
        assert np.bincount(federation.validation.labels).tolist() == [3, 6]
        assert "25% of the training patients are kept for validation" in federation.protocol

    def test_grey_and_rgb_files_of_one_picture_give_one_image(self, tmp_path):
        folder = write_folder(tmp_path)
        pixels = picture(77)
        for name, array in (("IM-0801-0001", pixels), ("IM-0802-0001", np.stack([pixels] * 3, -1))):
            Image.fromarray(array).save(folder / "test" / "NORMAL" / f"{name}.png")
        federation = load(FOLDER, data_dir=tmp_path, seed=0)
        assert (federation.test.groups == "IM-0801").sum() == 2

    def test_examples_of_cleaning_show_whole_pictures(self, tmp_path):
        write_folder(tmp_path)
        examples = examples_of_cleaning(FOLDER, data_dir=tmp_path, seed=0, number=40)
        # Twelve of the normal pictures, the other half of the forty: all that there are.
        assert len(examples) == 12 + 20
        for example in examples:
            assert example.before.shape == example.after.shape
            assert min(example.before.shape) >= 80
            assert example.image.shape == (28, 28)
        again = examples_of_cleaning(FOLDER, data_dir=tmp_path, seed=0, number=40)
        assert all(np.array_equal(one.after, other.after) for one, other in zip(examples, again, strict=True))


@pytest.fixture(scope="module")
def archive(real_data: Path) -> Path:
    if not (real_data / "pneumoniamnist" / "pneumoniamnist.npz").is_file():
        pytest.skip("TFF_HEALTH_DATA has no pneumoniamnist/pneumoniamnist.npz")
    return real_data


@pytest.fixture(scope="module")
def sample(real_data: Path) -> Path:
    if not (real_data / "chest_xray_sample" / "train").is_dir():
        pytest.skip("TFF_HEALTH_DATA has no chest_xray_sample")
    return real_data


SAMPLE = {"source": "folder", "folder": "chest_xray_sample", "min_rows": 6, "hospitals": 3}


class TestPneumoniaMnist:
    def test_counts_are_the_publishers_but_for_shared_pictures(self, archive):
        federation = load({}, data_dir=archive, seed=0).require_trainable().require_scored()
        trained = np.concatenate([hospital.train.labels for hospital in federation.hospitals])
        assert np.bincount(trained).tolist() == [1214, 3494]
        assert np.bincount(federation.test.labels).tolist() == [234, 390]
        # Counted beforehand: 8 of the 524 validation images stand in training, too.
        assert len(federation.validation) == 516
        assert "18 training images are exact copies of another; copies stay in one hospital." in federation.notes
        assert any(note.startswith("3 test images are exact copies") for note in federation.notes)
        require_apart(federation)

    def test_check_says_whose_file_it_is(self, archive):
        first, second = check_dataset("chest_xray", archive)
        assert first.endswith("is MedMNIST's file: 4,708 train, 524 val, 624 test images.")
        assert second == (
            "chest_xray loads: 5 training hospitals, 4,708 training images of 28 x 28 pixels, 516 for validation, "
            "624 held-out images."
        )


class TestKermanysSample:
    def test_pictures_are_those_of_pneumoniamnist(self, archive, sample):
        """MedMNIST made its images of these: without cleaning, each is nearest to one of the right split and class."""
        federation = load({**SAMPLE, "cleaning": False}, data_dir=sample, seed=0)
        with np.load(archive / "pneumoniamnist" / "pneumoniamnist.npz") as file:
            published = {name: file[name].astype(np.float32) for name in file.files}
        fitted = {
            split: scaled(np.concatenate([published[f"{name}_images"] for name in names]))
            for split, names in (("train", ("train", "val")), ("test", ("test",)))
        }
        labels = {
            "train": np.concatenate([published["train_labels"], published["val_labels"]])[:, 0],
            "test": published["test_labels"][:, 0],
        }
        farther = []
        for number, part in enumerate(parts(federation)):
            split = "test" if number == len(federation.hospitals) + 1 else "train"
            for image, label in zip(part.pixels[..., 0], part.labels, strict=True):
                distance = np.abs(fitted[split] - image).mean((1, 2))
                nearest, next_nearest = np.argsort(distance)[:2]
                assert labels[split][nearest] == label
                # MedMNIST's filter is another, so a few of the 255 grey levels stay between them.
                assert distance[nearest] < 6 / 127.5
                farther.append(distance[next_nearest] / distance[nearest])
        assert np.median(farther) > 4

    def test_counts_are_the_manifests(self, sample):
        federation = load(SAMPLE, data_dir=sample, seed=0).require_trainable().require_scored()
        with (sample / "chest_xray_sample" / "MANIFEST.csv").open() as file:
            paths = [row["path"] for row in csv.DictReader(file)]
        tests = [path for path in paths if path.startswith("test")]
        assert np.bincount(federation.test.labels).tolist() == [
            sum(name in path for path in tests) for name in ("NORMAL", "PNEUMONIA")
        ]
        assert sum(map(len, parts(federation))) == len(paths) == 92
        require_apart(federation)

    def test_person_341_has_two_pictures_and_stays_whole(self, sample):
        for seed in range(3):
            federation = load({**SAMPLE, "cleaning": False}, data_dir=sample, seed=seed)
            held = [part.groups.tolist().count("person341") for part in parts(federation)]
            assert sorted(held)[-2:] == [0, 2]


def test_the_catalogue_loads_it(tmp_path):
    write_archive(tmp_path)
    federation = load_dataset("chest_xray", ARCHIVE, data_dir=tmp_path)
    assert isinstance(federation, ImageFederation)
    assert federation.kind == "real"
