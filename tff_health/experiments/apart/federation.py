"""A federation of hospitals that keep their rows: what they publish of them, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data.errors import DataError
from data.federation import HospitalSize
from data.schema import Schema
from tff_health.hospitals.held_table import TableFacts

_APART = (
    "Computed by {count} hospitals, each in a worker of its own on its own rows; the coordinator held none. Scores of "
    "held-out patients were counted in 1,000 bins over all hospitals together, so that they are known to half a "
    "thousandth, and no hospital has scores of its own here."
)


@dataclass(frozen=True)
class HeldFederation:
    """What `data.federation.Federation` says of a dataset, without rows.

    Attributes:
        name, title, kind, schema, source, licence, protocol, notes: as there.
        sizes: every hospital's patients, by its name, in the roster's order.
    """

    name: str
    title: str
    kind: Literal["real", "simulated"]
    schema: Schema
    source: str
    licence: str
    protocol: str
    notes: tuple[str, ...]
    sizes: Mapping[str, HospitalSize]

    @property
    def training_rows(self) -> dict[str, int]:
        """Training rows of each hospital that trains."""
        return {name: size.train for name, size in self.sizes.items() if size.train}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names and numbers of patients: a resumed run must meet the same ones."""
        digest = hashlib.sha256(self.name.encode())
        for name, size in self.sizes.items():
            digest.update(f"\0{name}\0{size}".encode())
        return digest.hexdigest()


def held_federation(dataset: str, facts: Mapping[str, TableFacts]) -> HeldFederation:
    """The federation of hospitals that all have facts about a dataset.

    Args:
        dataset: the dataset's name in the settings.
        facts: of one schema (`read_table_facts`), by hospital.

    Raises:
        DataError: nobody trains or holds out a patient, a hospital does not train though all take part in every round,
            or one has a single class where that is taken for a mistake.
    """
    first = next(iter(facts.values()))
    for name, own in facts.items():
        if not own.train_rows:
            raise DataError(
                f"{dataset}, hospital {name!r}: no training row, but every hospital of the roster takes part in every "
                "round; give it patients, or leave it out of the roster."
            )
        if own.train_positive in (0, own.train_rows) and not own.single_class_accepted:
            raise DataError(
                f"{dataset}, hospital {name!r}: every training row has the same {own.target!r}; a classifier needs "
                "both classes, so leave it out of the roster or merge it with another hospital."
            )
    if not any(own.test_rows for own in facts.values()):
        raise DataError(f"{dataset}: no hospital holds out a patient to score on; let one of them hold out some.")
    notes = dict.fromkeys(note for own in facts.values() for note in own.notes)
    return HeldFederation(
        dataset,
        first.title,
        first.data_kind,
        first.schema_of_columns,
        first.source,
        first.licence,
        first.protocol,
        (*notes, _APART.format(count=len(facts))),
        {
            name: HospitalSize(own.train_rows, own.test_rows, own.train_positive, own.test_positive)
            for name, own in facts.items()
        },
    )
