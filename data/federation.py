"""Hospitals that hold patients, and a federation of them with one schema."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from data.dataset_texts import check_dataset_texts
from data.errors import DataError
from data.hospital_names import check_hospital_names
from data.schema import Schema


@dataclass(frozen=True)
class Hospital:
    """One hospital's rows, already divided into training and held-out patients.

    Attributes:
        name: as reports call it.
        train: rows that take part in fitting anything; empty where the hospital is only scored on.
        test: held-out rows, used for scoring alone; may be empty.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame

    @property
    def trains(self) -> bool:
        """Whether the hospital takes part in training."""
        return len(self.train) > 0

    @property
    def is_scored(self) -> bool:
        """Whether the hospital has held-out patients."""
        return len(self.test) > 0


@dataclass(frozen=True)
class HospitalSize:
    """How many patients a hospital has.

    Attributes:
        train: patients who train.
        test: held-out patients.
        train_positive: those among `train` of the positive class.
        test_positive: those among `test`.
    """

    train: int
    test: int
    train_positive: int
    test_positive: int

    def class_counts(self, part: Literal["train", "test"]) -> tuple[int, int]:
        """Patients of class 0 and of class 1."""
        if part == "train":
            return self.train - self.train_positive, self.train_positive
        return self.test - self.test_positive, self.test_positive


@dataclass(frozen=True)
class Federation:
    """A dataset as the hospitals hold it.

    Attributes:
        name: the dataset's name in settings.
        title: for people.
        kind: whether the rows are patients or simulated.
        schema: shared by all hospitals.
        hospitals: with distinct names; those with training rows take part in training.
        source: where the rows come from, citable.
        licence: the data's licence.
        protocol: one sentence on how rows were selected and split.
        notes: sentences that a reader of the figures must know.
        single_class_accepted: whether a hospital may train with one class only, because a published protocol
            has it so; elsewhere it is taken for a mistake.
    """

    name: str
    title: str
    kind: Literal["real", "simulated"]
    schema: Schema
    hospitals: tuple[Hospital, ...]
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...] = ()
    single_class_accepted: bool = False

    def __post_init__(self) -> None:
        check_hospital_names(self.name, [hospital.name for hospital in self.hospitals])
        check_dataset_texts(self.name, (self.title, self.source, self.licence, self.protocol, *self.notes))

    @property
    def members(self) -> tuple[Hospital, ...]:
        """The hospitals that train."""
        return tuple(hospital for hospital in self.hospitals if hospital.trains)

    @property
    def scored(self) -> tuple[Hospital, ...]:
        """The hospitals with held-out patients."""
        return tuple(hospital for hospital in self.hospitals if hospital.is_scored)

    @property
    def sizes(self) -> dict[str, HospitalSize]:
        """Every hospital's patients, by its name."""
        return {hospital.name: self.size_of(hospital) for hospital in self.hospitals}

    @property
    def training_rows(self) -> dict[str, int]:
        """Training rows of each hospital that trains."""
        return {hospital.name: len(hospital.train) for hospital in self.members}

    def size_of(self, hospital: Hospital) -> HospitalSize:
        """One hospital's patients."""
        positive = [int(self.labels(part).sum()) if len(part) else 0 for part in (hospital.train, hospital.test)]
        return HospitalSize(len(hospital.train), len(hospital.test), *positive)

    def labels(self, frame: pd.DataFrame) -> np.ndarray:
        """int64 [rows]: 1 for the positive class of the schema's target."""
        target = self.schema[self.schema.target]
        return (frame[self.schema.target] == target.codes[1]).to_numpy(np.int64)

    def require_trainable(self) -> Federation:
        """Returns itself, or says which hospital cannot take part in training a classifier.

        Raises:
            DataError: no hospital has training rows, or one of them has a single class and the protocol does
                not have it so, or all of them together have.
        """
        if not self.members:
            raise DataError(f"{self.name}: no hospital has training rows; give one of them at least a patient.")
        everything = np.concatenate([self.labels(hospital.train) for hospital in self.members])
        if self.single_class_accepted and len(np.unique(everything)) == 2:
            return self
        for hospital in self.members:
            classes = np.unique(self.labels(hospital.train))
            if len(classes) < 2:
                label = list(self.schema[self.schema.target].codebook.values())[int(classes[0])]
                raise DataError(
                    f"{self.name}, hospital {hospital.name!r}: every training row has {self.schema.target!r} "
                    f"= {label}; a classifier needs both classes, so merge it with another hospital, leave "
                    "it out or choose a milder skew."
                )
        return self

    def require_scored(self) -> Federation:
        """Returns itself, or says that nobody holds out a patient.

        Raises:
            DataError: no hospital has held-out rows.
        """
        if not self.scored:
            raise DataError(f"{self.name}: no hospital holds out a patient to score on; give one of them test rows.")
        return self

    def with_notes(self, *notes: str) -> Federation:
        """A copy with these notes added."""
        return replace(self, notes=(*self.notes, *notes))
