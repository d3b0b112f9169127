"""A roster that is not the hospitals' own: refused at running workers, and nothing computed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from needs_door import needs_door

from data.catalogue import load_dataset
from data.errors import SettingsError
from data.federation import Federation
from tff_health.hospitals.connected import connected
from tff_health.hospitals.context import HospitalsError
from tff_health.hospitals.hospital_folder import DOOR
from tff_health.hospitals.identity import make_identity
from tff_health.hospitals.nginx import ACCESS_LOG
from tff_health.hospitals.roster import CoordinatorEntry, HospitalEntry, Roster
from tff_health.hospitals.simulated import SimulatedHospitals, simulated_hospitals

pytestmark = needs_door


@pytest.fixture(scope="module")
def three() -> Iterator[SimulatedHospitals]:
    federation = load_dataset("breast_cancer", {"hospitals": 3}, seed=1)
    assert isinstance(federation, Federation)
    with simulated_hospitals({"rows": federation}) as simulated:
        yield simulated


def changed(roster: Roster, **first: str) -> Roster:
    """The roster with another first entry."""
    one, *others = roster.hospital
    return roster.model_copy(update={"hospital": (one.model_copy(update=first), *others)})


def computed(simulated: SimulatedHospitals, entry: HospitalEntry) -> list[str]:
    """Calls that a hospital's door let in and that compute something."""
    path = simulated.folders[entry.name] / DOOR / ACCESS_LOG
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line for line in lines if " SUCCESS " in line and "ExecutorGroup/Compute" in line]


def test_the_roster_itself_is_served(three):
    with connected(three.roster, three.identity) as context:
        assert context.names == tuple(entry.name for entry in three.roster.hospital)


def test_addresses_of_two_hospitals_swapped(three):
    """Another hospital answers with its own certificate."""
    one, two, _ = three.roster.hospital
    before = len(computed(three, one))
    with (
        pytest.raises(HospitalsError, match=f"hospital '{one.name}' at .* shows another certificate than the roster's"),
        connected(changed(three.roster, address=two.address), three.identity),
    ):
        raise AssertionError("not connected")
    assert len(computed(three, one)) == before


def test_certificates_of_two_hospitals_swapped(three):
    """The coordinator refuses the one, and the others refuse a roster that is not theirs."""
    one, two, _ = three.roster.hospital
    with (
        pytest.raises(HospitalsError, match=r"shows another certificate|not the one of this hospital's secrets"),
        connected(changed(three.roster, certificate=two.certificate), three.identity),
    ):
        raise AssertionError("not connected")
    assert one.certificate != two.certificate


def test_another_hospitals_mask_key(three, tmp_path):
    """The hospitals' secrets are of another roster: they refuse to mask by them."""
    stranger = make_identity(tmp_path / "stranger", "stranger", masks=True)
    with (
        pytest.raises(HospitalsError, match="the coordinator's roster is not the one of this hospital's secrets"),
        connected(changed(three.roster, mask_key=stranger.mask_key.hex()), three.identity),
    ):
        raise AssertionError("not connected")


def test_a_roster_of_fewer_hospitals(three):
    """Fewer than agreed on could be made to show sums of few: the secrets are of all."""
    fewer = three.roster.model_copy(update={"hospital": three.roster.hospital[:2]})
    with (
        pytest.raises(HospitalsError, match="the coordinator's roster is not the one of this hospital's secrets"),
        connected(fewer, three.identity),
    ):
        raise AssertionError("not connected")


def test_another_coordinator(three, tmp_path):
    other = make_identity(tmp_path / "other", "coordinator", masks=False)
    roster = three.roster.model_copy(update={"coordinator": CoordinatorEntry(certificate=other.certificate)})
    with (
        pytest.raises(SettingsError, match="the roster names another coordinator's certificate"),
        connected(roster, three.identity),
    ):
        raise AssertionError("not connected")
