"""The settings of the project's own datasets, apart from their loaders so that checking them is instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import SettingsError
from data.settings import Setting, SettingsSpec

CENTRES = ("cleveland", "hungarian", "switzerland", "va")
PARTITIONS = ("iid", "dirichlet", "size_skew")

# A simulated federation beyond this many rows is a slip of the keyboard rather than a study of five hospitals.
MOST_ROWS = 10_000_000

_ALPHA = Setting(
    "alpha",
    "number",
    0.5,
    "concentration of the Dirichlet draw behind dirichlet and size_skew: small is more skewed",
    low=0,
    exclusive=True,
)
_MIN_ROWS = Setting(
    "min_rows", "integer", 20, "fewest rows a hospital may end with after partitioning", low=2, high=MOST_ROWS
)
_SPLIT_SEED_NOTE = "seed of partition and train/test split; by default the experiment's seed"


def _split_seed(description: str = _SPLIT_SEED_NOTE) -> Setting:
    return Setting("split_seed", "integer", None, description, low=0, high=2**32 - 1)


def _test_fraction(default: float | None, description: str = "share of each hospital's rows held out") -> Setting:
    return Setting("test_fraction", "number", default, description, low=0, high=1, exclusive=True)


def _hospitals(description: str = "number of hospitals") -> Setting:
    return Setting("hospitals", "integer", 5, description, low=1, high=100_000)


def _refuse_too_many_rows(hospitals: int, rows: int, owner: str) -> None:
    if hospitals * rows > MOST_ROWS:
        raise SettingsError(
            f"{owner}: {hospitals:,} hospitals of {rows:,} rows are more than {MOST_ROWS:,} rows; lower one of them."
        )


def _check_paper_mock(settings: Mapping[str, Any]) -> None:
    _refuse_too_many_rows(settings["hospitals"], settings["rows"], "paper_mock")
    held_out = settings["hospitals"] if settings["held_out"] is None else settings["held_out"]
    _refuse_too_many_rows(held_out, settings["held_out_rows"], "paper_mock")


PAPER_MOCK = SettingsSpec(
    "paper_mock",
    (
        _hospitals("number of training hospitals"),
        Setting("rows", "integer", 100, "rows of each training hospital", low=1, high=MOST_ROWS),
        Setting(
            "held_out",
            "integer",
            None,
            "number of hospitals that only score; by default as many as train",
            low=0,
            high=100_000,
        ),
        Setting("held_out_rows", "integer", 100, "rows of each held-out hospital", low=1, high=MOST_ROWS),
        _split_seed("seed of the drawn rows; by default the experiment's seed"),
    ),
    _check_paper_mock,
)


def _check_patient_cohort(settings: Mapping[str, Any]) -> None:
    _refuse_too_many_rows(settings["hospitals"], settings["rows"], "patient_cohort")


PATIENT_COHORT = SettingsSpec(
    "patient_cohort",
    (
        _hospitals(),
        Setting("rows", "integer", 400, "patients of each hospital", low=2, high=MOST_ROWS),
        _test_fraction(0.25),
        Setting(
            "shift",
            "number",
            0.0,
            "standard deviation between hospitals' means of age, blood pressure and cholesterol, in units of "
            "the spread between patients",
            low=0,
            high=2,
        ),
        _split_seed("seed of the drawn patients and their split; by default the experiment's seed"),
    ),
    _check_patient_cohort,
)

BREAST_CANCER = SettingsSpec(
    "breast_cancer",
    (
        _hospitals(),
        Setting(
            "partition",
            "choice",
            "dirichlet",
            "how rows are dealt to simulated hospitals",
            choices=(*PARTITIONS, "one_class"),
        ),
        _ALPHA,
        _MIN_ROWS,
        _test_fraction(0.25),
        _split_seed(),
    ),
)


def _check_heart_disease(settings: Mapping[str, Any]) -> None:
    natural = settings["partition"] == "natural"
    if natural and settings["simulated_hospitals"] is not None:
        raise SettingsError(
            "heart_disease: simulated_hospitals needs a partition of iid, dirichlet or size_skew; with "
            "partition natural the hospitals are the four centres."
        )
    if natural and settings["split"] == "pooled":
        raise SettingsError(
            "heart_disease: split pooled needs a partition of iid, dirichlet or size_skew; with partition natural "
            "every centre holds out its own patients."
        )
    if natural and settings["protocol"] == "flamby" and settings["test_fraction"] is not None:
        raise SettingsError(
            "heart_disease: protocol flamby fixes the test fraction at .34; leave test_fraction out, or "
            "choose protocol all_features."
        )


HEART_DISEASE = SettingsSpec(
    "heart_disease",
    (
        Setting(
            "protocol",
            "choice",
            "flamby",
            "flamby: ten features, complete rows, FLamby's split; all_features: thirteen features, missing kept",
            choices=("flamby", "all_features"),
        ),
        Setting("hospitals", "names", CENTRES, "which centres to use", choices=CENTRES),
        Setting(
            "partition",
            "choice",
            "natural",
            "natural: each centre is a hospital; otherwise the centres' rows are pooled and dealt anew",
            choices=("natural", *PARTITIONS),
        ),
        Setting(
            "simulated_hospitals",
            "integer",
            None,
            "number of hospitals that a partition other than natural deals to; by default 5",
            low=1,
            high=100_000,
        ),
        _ALPHA,
        _MIN_ROWS,
        Setting(
            "split",
            "choice",
            "hospital",
            "hospital: each holds out its share; pooled: scikit-learn's stratified split of all rows, which are then "
            "dealt to simulated hospitals, as studies on one table do it",
            choices=("hospital", "pooled"),
        ),
        _test_fraction(None, "share of each hospital's rows held out; by default .34 (flamby) or .25"),
        _split_seed("seed of partition and split; by default 43 (flamby) or the experiment's seed"),
        Setting("verify", "flag", True, "whether the files must be UCI's, byte for byte"),
    ),
    _check_heart_disease,
)

IMAGE_SIZES = (28, 64)


def _image_settings(default_partition: str, partition: str) -> tuple[Setting, ...]:
    """What all datasets of images have in common."""
    return (
        Setting("size", "integer", 28, "pixels along each side, 28 or 64", low=28, high=64),
        _hospitals(),
        Setting("partition", "choice", default_partition, partition, choices=PARTITIONS),
        _ALPHA,
        Setting(
            "min_rows",
            "integer",
            20,
            "fewest patients (images, where patients are unknown) a hospital may end with after partitioning",
            low=2,
            high=MOST_ROWS,
        ),
    )


def _check_size(settings: Mapping[str, Any], owner: str) -> None:
    if settings["size"] not in IMAGE_SIZES:
        raise SettingsError(f"{owner}: size must be 28 or 64, not {settings['size']}.")


def _check_chest_xray(settings: Mapping[str, Any]) -> None:
    _check_size(settings, "chest_xray")
    if settings["source"] == "pneumoniamnist":
        if settings["size"] != 28:
            raise SettingsError(
                f"chest_xray: the images of PneumoniaMNIST are 28 x 28 pixels, smaller than the size "
                f"{settings['size']}; set size = 28, or source = 'folder' for Kermany's full pictures."
            )
        for name in ("folder", "validation_fraction", "skip_corrupt"):
            if settings[name]:
                raise SettingsError(f"chest_xray: {name} needs source = 'folder'; set that or leave {name} out.")


CHEST_XRAY = SettingsSpec(
    "chest_xray",
    (
        Setting(
            "source",
            "choice",
            "pneumoniamnist",
            "pneumoniamnist: the one file of MedMNIST, 28 x 28; folder: Kermany's JPEGs in their original folders",
            choices=("pneumoniamnist", "folder"),
        ),
        Setting(
            "folder",
            "text",
            None,
            "folder with train/NORMAL and so on, inside the folder of data files or a full path; by default chest_xray",
        ),
        *_image_settings("dirichlet", "how patients are dealt to simulated hospitals"),
        Setting(
            "cleaning",
            "flag",
            None,
            "whether markers, borders and noise are cleaned off; by default true for a folder, false for "
            "PneumoniaMNIST, where 28 pixels only leave the median filter, which takes ribs with the noise",
        ),
        Setting("skip_corrupt", "flag", False, "whether files that cannot be read are left out and noted"),
        Setting(
            "images",
            "integer",
            None,
            "use only so many training images, drawn class by class; by default all",
            low=2,
            high=MOST_ROWS,
        ),
        Setting(
            "validation_fraction",
            "number",
            None,
            "share of the training patients kept for validation where the folder has no val; by default .1",
            low=0,
            high=1,
            exclusive=True,
        ),
        _split_seed("seed of partition, validation and chosen images; by default the experiment's seed"),
        Setting("verify", "flag", True, "whether the file of PneumoniaMNIST must be the publisher's, byte for byte"),
    ),
    _check_chest_xray,
)


def _check_xray_phantom(settings: Mapping[str, Any]) -> None:
    _check_size(settings, "xray_phantom")
    for name in ("images", "test_images", "validation_images"):
        diseased = round(settings["prevalence"] * settings[name])
        if not 0 < diseased < settings[name]:
            raise SettingsError(
                f"xray_phantom: {settings[name]:,} {name} at a prevalence of {settings['prevalence']:g} leave a class "
                "without any; raise the number or move the prevalence towards .5."
            )


XRAY_PHANTOM = SettingsSpec(
    "xray_phantom",
    (
        Setting("images", "integer", 1000, "training images", low=2, high=100_000),
        Setting("test_images", "integer", 400, "images held out for scoring", low=2, high=100_000),
        Setting("validation_images", "integer", 200, "images held out for choosing models", low=2, high=100_000),
        *_image_settings("iid", "how images are dealt to hospitals"),
        Setting("prevalence", "number", 0.5, "share of images with an opacity", low=0, high=1, exclusive=True),
        Setting(
            "hospital_shift",
            "number",
            0.0,
            "standard deviation between hospitals of the logarithm of the exposure; images of one hospital differ "
            "by about .15",
            low=0,
            high=1,
        ),
        _split_seed("seed of the drawn images and their partition; by default the experiment's seed"),
    ),
    _check_xray_phantom,
)

TABLE = SettingsSpec(
    "table",
    (
        Setting("folder", "text", None, "with a CSV file for each hospital; by default the data folder itself"),
        Setting("schema", "text", None, "the schema's file in it; by default schema.toml"),
        _test_fraction(0.25),
        _split_seed("seed of each hospital's split; by default the experiment's seed"),
    ),
)
