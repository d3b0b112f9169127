"""How many patients each hospital of a federation trains on and holds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from data.federation import HospitalSize
from tff_health.reporting.results import HospitalCounts


def hospital_counts(sizes: Mapping[str, HospitalSize]) -> dict[str, HospitalCounts]:
    """Patients by hospital, and how many of them are of the positive class."""
    return {name: HospitalCounts(**asdict(size)) for name, size in sizes.items()}
