"""One entry of the privacy ledger: what was released, from whose data, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from data.errors import SettingsError
from tff_health.privacy.budget import UNITS, Unit
from tff_health.privacy.composition import Event, is_free
from tff_health.privacy.events import decode_event, encode_event

Kind = str
"""preprocessing, training, aggregation, attack, ... : free text, one word."""


class ArmKey(NamedTuple):
    """One way of training, on one dataset, in one repeat."""

    dataset: str
    arm: str
    repeat: int


@dataclass(frozen=True)
class LedgerEntry:
    """Steps that release something about patients.

    Attributes:
        dataset: whose patients.
        arm: None for a release that all arms of the dataset use, such as federated preprocessing.
        repeat: None for a release that all repeats use.
        unit: what `event` protects.
        event: the cost of ONE step for one unit; NonPrivateDpEvent where it is not protected, NoOpDpEvent where the
            step releases nothing about it.
        kind: preprocessing, training, aggregation, attack, ...
        hospitals: those whose data the step reads, or `all`.
        count: how many such steps.
        other_units: the cost for units other than `unit` where the same release protects them too, as when hospitals
            train with patient-level noise and the aggregator adds hospital-level noise. A unit named nowhere counts as
            unprotected by the step, unless the step is free: patient-level noise hides no hospital, and a
            hospital-level guarantee is not claimed for patients.
    """

    dataset: str
    arm: str | None
    repeat: int | None
    unit: Unit
    event: Event
    kind: Kind
    hospitals: tuple[str, ...] | Literal["all"] = "all"
    count: int = 1
    other_units: Mapping[Unit, Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SettingsError(f"privacy: a ledger entry is for one step or more, not {self.count}.")
        if not {self.unit, *self.other_units} <= set(UNITS):
            raise SettingsError(f"privacy: units are {' and '.join(UNITS)}.")
        if self.unit in self.other_units:
            raise SettingsError(f"privacy: {self.unit} is named twice in a ledger entry.")
        if self.hospitals != "all" and (isinstance(self.hospitals, str) or not self.hospitals):
            raise SettingsError('privacy: hospitals of a ledger entry are a tuple of names, or "all".')

    def event_for(self, unit: Unit) -> Event:
        """What one step costs one such unit."""
        import dp_accounting

        if unit == self.unit:
            return self.event
        if unit in self.other_units:
            return self.other_units[unit]
        return dp_accounting.NoOpDpEvent() if is_free(self.event) else dp_accounting.NonPrivateDpEvent()

    def concerns(self, key: ArmKey) -> bool:
        """Whether the arm uses what was released."""
        return self.dataset == key.dataset and self.arm in (None, key.arm) and self.repeat in (None, key.repeat)

    def reads(self, hospital: str) -> bool:
        """Whether the step reads the hospital's data."""
        return self.hospitals == "all" or hospital in self.hospitals


def encode_entry(entry: LedgerEntry) -> dict[str, Any]:
    """The entry as plain JSON values."""
    return {
        "dataset": entry.dataset,
        "arm": entry.arm,
        "repeat": entry.repeat,
        "unit": entry.unit,
        "kind": entry.kind,
        "hospitals": "all" if entry.hospitals == "all" else list(entry.hospitals),
        "count": entry.count,
        "event": encode_event(entry.event),
        "other_units": {unit: encode_event(event) for unit, event in entry.other_units.items()},
    }


def decode_entry(document: Mapping[str, Any]) -> LedgerEntry:
    """The entry that `encode_entry` wrote.

    Raises:
        SettingsError, KeyError, TypeError: not such a document.
    """
    hospitals = document["hospitals"]
    return LedgerEntry(
        dataset=document["dataset"],
        arm=document["arm"],
        repeat=document["repeat"],
        unit=document["unit"],
        kind=document["kind"],
        hospitals="all" if hospitals == "all" else tuple(hospitals),
        count=document["count"],
        event=decode_event(document["event"]),
        other_units={unit: decode_event(event) for unit, event in document["other_units"].items()},
    )
