"""What a study is made of, as validated settings. Imports neither TensorFlow nor pandas."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from tff_health.experiments.base_settings import Settings, Words

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=10_000)]
Value = bool | int | float | str
OF_THE_STUDY = ("experiment", "title", "question", "seed")  # keys of an experiment that a study sets itself


class Swept(Settings):
    """A setting that takes several values.

    Attributes:
        setting: dotted, as in `privacy.epsilon`.
        values: what it takes.
    """

    setting: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)*$")]
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return _each_once(values, "value")


class Sweep(Swept):
    """One arm in place of which there are several, one for each value of a setting.

    Several sweeps of the same arm make a grid.

    Attributes:
        arm: the template.
        datasets: where; None means every dataset that has the arm.
    """

    arm: str
    datasets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class Variation(Swept):
    """One dataset in place of which there are several, one for each value of a setting: partitions, sizes.

    Several variations of the same dataset make a grid.

    Attributes:
        dataset: the template, a dataset of the experiment.
    """

    dataset: str


class Exclusion(Settings):
    """What the grid leaves out: arms of some datasets, or whole cells.

    Attributes:
        dataset: a name with `*` for anything, variants and all.
        arm: likewise, leaves these arms out; None leaves out whole cells.
        seeds: of the cells; None means all.
    """

    dataset: str = "*"
    arm: str | None = None
    seeds: tuple[Seed, ...] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Exclusion:
        if self.arm is not None and self.seeds is not None:
            raise ValueError("arms are left out for all seeds, so that all cells of a dataset compare: leave seeds out")
        if self.arm is None and self.seeds is None and self.dataset == "*":
            raise ValueError("this excludes everything: name a dataset, an arm or seeds")
        return self


class StudySettings(Settings):
    """A whole study: what a study that ships or a user's TOML file holds.

    Attributes:
        study: short name, also the study folder's.
        title: for the report.
        question: what the study asks, one sentence.
        seeds: each is the experiment's seed of one cell of every dataset, and so its split's seed where the dataset
            splits by it.
        dataset_seeds: by dataset, in place of `seeds`.
        attacked_seeds: attacks and audits run in so many of a dataset's first seeds only; None attacks all.
        experiment: an experiment as in presets, without `experiment`, `title`, `question` and `seed`; the value
            "{seed}" stands for the cell's seed.
        arms: templates that every dataset has, in addition to its own arms of `experiment`; a dataset's own arm of the
            same name changes single settings of the template.
        sweep: which arms vary in what.
        vary: which datasets vary in what; `dataset_seeds` and sweeps name the template for all its variants.
        exclude: what of all this is left out.
        quick_datasets: the datasets, variants included, of the small form; empty for all.
        quick_form: whether this is the small form, of which an exclusion may leave nothing out.
        reference: the arm that all others are compared with, pair by pair; None for the one that speaks for
            federation.
        apart: whether hospitals that are apart hold the rows, so that cells have what can run there.
    """

    study: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: Words
    question: Words = ""
    seeds: Seeds
    dataset_seeds: dict[str, Seeds] = Field(default={})
    attacked_seeds: Annotated[int, Field(ge=0)] | None = None
    experiment: dict[str, Any]
    arms: dict[str, dict[str, Any]] = Field(default={})
    sweep: tuple[Sweep, ...] = ()
    vary: tuple[Variation, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    quick_datasets: tuple[str, ...] = ()
    quick_form: bool = False
    reference: str | None = None
    apart: bool = False

    @field_validator("seeds")
    @classmethod
    def _once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _each_once(seeds, "seed")

    @field_validator("dataset_seeds")
    @classmethod
    def _each_dataset_once(cls, seeds: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        return {name: _each_once(values, "seed") for name, values in seeds.items()}

    def seeds_of(self, dataset: str) -> tuple[int, ...]:
        """The seeds of the cells of one of the experiment's datasets, and of its variants."""
        return self.dataset_seeds.get(dataset, self.seeds)


def _each_once(values: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twice is not None:
        raise ValueError(f"{what} {twice!r} stands here twice")
    return values
