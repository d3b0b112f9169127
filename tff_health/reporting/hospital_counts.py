"""How many patients each hospital of a federation trains on and holds out."""

from __future__ import annotations

from data.federation import Federation
from tff_health.reporting.results import HospitalCounts


def hospital_counts(federation: Federation) -> dict[str, HospitalCounts]:
    """Patients by hospital, and how many of them are of the positive class."""
    return {
        hospital.name: HospitalCounts(
            train=len(hospital.train),
            test=len(hospital.test),
            train_positive=int(federation.labels(hospital.train).sum()) if hospital.trains else 0,
            test_positive=int(federation.labels(hospital.test).sum()) if hospital.is_scored else 0,
        )
        for hospital in federation.hospitals
    }
