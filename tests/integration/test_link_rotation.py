"""New link keys: whoever is cut wherever, device and hub have a key in common, and end with the new ones."""

import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import pytest
from fastapi import FastAPI

from hub.api.enrolment import enrolment_router
from hub.keys.authority import SERVER_CERTIFICATE, SERVER_KEY
from hub.keys.enrolment import Enrolment, HubAddress, TokenWanted, renewal_topic
from hub.keys.registry import Registry
from shared.adapters import device_keys, durable_files, enrolment_client
from shared.adapters.device_keys import coming_keys, load
from shared.adapters.enrolment_client import RefusedError, WrongHubError, enrol, renew
from shared.edge.renewal import CertificateKeeper
from shared.edge.standing import LinkStatus, Status
from shared.protocol import limits, mac
from shared.protocol.enrolment import EnrolmentAnswer, RenewalRequest
from tests.support.cuts import restore, states_during
from tests.support.https import https
from tests.support.town import Town, now_ms

DEVICE = "kiosk-7"
OLDER = "its disk is an older one; enrol it again"


class OlderHub(Enrolment):
    """A hub of the version before: it passes over what it does not know, and names no key."""

    registry: Registry

    def renew(self, device: str, message: bytes) -> EnrolmentAnswer:
        keys = self.registry
        body = mac.open_message(keys.keys_of(device), renewal_topic(device), message)
        known = replace(RenewalRequest.from_json(body), k_up="", k_down="").to_json()
        asked = mac.seal_message(keys.device(device).links[0].up, renewal_topic(device), known)
        return replace(super().renew(device, asked), link_key="")


class LaterHub(Enrolment):
    """A hub at the same address, and another one that has taken its place since."""

    successor: Enrolment | None = None

    def renew(self, device: str, message: bytes) -> EnrolmentAnswer:
        return super().renew(device, message) if not self.successor else self.successor.renew(device, message)


E = TypeVar("E", bound=Enrolment)


@dataclass
class Office(Generic[E]):
    town: Town
    enrolment: E

    @property
    def registry(self) -> Registry:
        return self.town.room.registry

    @property
    def newest(self) -> str:
        return self.registry.device(DEVICE).link_key

    def share_keys_with(self, folder: Path) -> bool:
        """Whether device and hub understand each other, both ways."""
        identity = load(folder)
        hears = self.registry.down_key(DEVICE).id in identity.down_keys
        return hears and identity.keys.links.up.id in self.registry.keys_of(DEVICE)


def make_office(folder: Path, kind: type[E]) -> Generator[Office[E]]:
    town = Town(folder)
    app = FastAPI()
    with https(app, town.keys / SERVER_CERTIFICATE, town.keys / SERVER_KEY) as port:
        address = HubAddress(hub=f"127.0.0.1:{port}", brokers=(f"127.0.0.1:{town.port}",))
        enrolment = kind(town.room, address, clock=now_ms, admit=lambda: None)
        if isinstance(enrolment, OlderHub):
            enrolment.registry = town.room.registry
        app.include_router(enrolment_router(enrolment, town.room.keys, town.room.authority.pem))
        yield Office(town, enrolment)
    town.close()


@pytest.fixture
def office(tmp_path: Path) -> Generator[Office[LaterHub]]:
    yield from make_office(tmp_path / "hub", LaterHub)


@pytest.fixture
def older_office(tmp_path: Path) -> Generator[Office[OlderHub]]:
    yield from make_office(tmp_path / "hub", OlderHub)


def enrolled(office: Office[E], folder: Path) -> Path:
    enrol(folder, office.enrolment.issue(TokenWanted(device=DEVICE)))
    return folder


@pytest.mark.sentence("K-7")
def test_new_link_keys_are_drawn_once_and_heard_under_before_the_hub_knows(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    before = load(folder)
    states = states_during(folder, lambda: coming_keys(folder), [device_keys, durable_files])
    drawn = coming_keys(folder)
    assert load(folder).coming == drawn
    assert load(folder).keys.links == before.keys.links
    assert set(load(folder).down_keys) == {before.keys.links.down.id, drawn.down.id}
    assert len(states) > 2
    for state in states:
        restore(state, folder)
        assert load(folder).coming in (None, drawn)
        assert office.share_keys_with(folder)


@pytest.mark.sentence("K-7")
@pytest.mark.sentence("K-8")
def test_rotation_cut_at_any_step_leaves_a_common_key_and_ends_with_the_new_ones(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    before, drawn = load(folder).keys.links, coming_keys(folder)
    modules = [device_keys, durable_files, enrolment_client]
    states = states_during(folder, lambda: renew(folder, rotating=True), modules)
    assert load(folder).keys.links == drawn
    assert load(folder).previous == before
    assert load(folder).coming is None
    assert len(states) > 10
    rotations = set[bool]()
    for state in states:
        restore(state, folder)
        assert office.share_keys_with(folder)
        identity = load(folder)
        rotations.add(identity.coming is None)
        if identity.coming is not None:  # the machine starts again, and asks again
            assert identity.keys.links == before
            assert before.down.id in identity.down_keys  # should the hub never have heard of it
            assert renew(folder, rotating=True).keys.links == drawn
        assert office.newest == drawn.up.id
    assert rotations == {False, True}
    assert set(office.registry.keys_of(DEVICE)) == {before.up.id, drawn.up.id}


@pytest.mark.sentence("K-8")
def test_rotation_whose_answer_was_lost_for_longer_than_the_old_key_lasts_is_answered(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    drawn = coming_keys(folder)
    shutil.copytree(folder, tmp_path / "slept")
    renew(folder, rotating=True)
    room, keys = office.town.room, office.town.keys
    room.close()

    def later() -> int:
        return now_ms() + limits.KEEP_WINDOW_MS + 1

    office.town.room = type(room).open(keys, office.town.folder / "copy", clock=later)
    assert set(office.registry.keys_of(DEVICE)) == {drawn.up.id}
    address = HubAddress(hub="127.0.0.1:1", brokers=("127.0.0.1:1",))
    office.enrolment.successor = Enrolment(
        office.town.room, address, clock=later, admit=office.town.broker_events.clear
    )
    assert renew(tmp_path / "slept", rotating=True).keys.links == drawn


@pytest.mark.sentence("K-8")
def test_earlier_key_puts_no_key_in_force_and_gets_no_certificate(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    shutil.copytree(folder, tmp_path / "stolen")
    coming_keys(folder)
    renew(folder, rotating=True)
    newest, certificates = office.newest, office.registry.device(DEVICE).certificates
    coming_keys(tmp_path / "stolen")
    with pytest.raises(RefusedError, match=OLDER):
        renew(tmp_path / "stolen")
    with pytest.raises(RefusedError):
        renew(tmp_path / "stolen", rotating=True)
    assert office.newest == newest
    assert office.registry.device(DEVICE).certificates == certificates


def test_hub_of_the_version_before_leaves_the_keys_and_is_told(
    older_office: Office[OlderHub], tmp_path: Path
) -> None:
    folder = enrolled(older_office, tmp_path / "identity")
    before, drawn = load(folder).keys.links, coming_keys(folder)
    with pytest.raises(WrongHubError, match="update"):
        renew(folder, rotating=True)
    assert (load(folder).keys.links, load(folder).coming) == (before, drawn)
    assert renew(folder).keys.links == before


class Watch:
    """What a keeper sees, and whether it had the process started again."""

    def __init__(self, folder: Path, *, recognised: bool = True) -> None:
        self.uptime_ms = 1_000
        self.restarts = 0
        self._status = Status(
            device=DEVICE,
            running=True,
            state="backoff",
            recognised=recognised,
            link=LinkStatus(up=True),
            lanes={},
        )
        identity = load(folder)
        self.keeper = CertificateKeeper(
            folder,
            identity,
            identity.tls_context(),
            look=lambda: self._status,
            wall_ms=now_ms,
            uptime_ms=lambda: self.uptime_ms,
            restart=self._restart,
        )

    def _restart(self) -> None:
        self.restarts += 1


@pytest.mark.sentence("K-7")
def test_process_that_does_not_hear_the_new_keys_yet_tells_the_hub_nothing(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    before = office.newest
    first = Watch(folder)
    drawn = first.keeper.rotate()
    assert first.restarts == 1
    first.keeper.turn()
    assert office.newest == before
    second = Watch(folder)
    second.keeper.turn()
    assert (office.newest, second.restarts) == (drawn, 1)
    second.keeper.turn()
    third = Watch(folder)
    third.keeper.turn()
    assert (second.keeper.renewals, third.keeper.renewals) == (1, 0)
    assert load(folder).keys.links.up.id == drawn


@pytest.mark.sentence("K-8")
def test_machine_whose_disk_is_older_than_its_keys_hears_why_once_a_day(
    office: Office[LaterHub], tmp_path: Path
) -> None:
    folder = enrolled(office, tmp_path / "identity")
    shutil.copytree(folder, tmp_path / "old-disk")
    coming_keys(folder)
    renew(folder, rotating=True)
    watch = Watch(tmp_path / "old-disk", recognised=False)
    with pytest.raises(RefusedError, match=OLDER):
        watch.keeper.turn()
    assert watch.keeper.trouble
    assert OLDER in watch.keeper.trouble
    watch.keeper.turn()
    watch.uptime_ms += limits.CERTIFICATE_BLIND_MS
    with pytest.raises(RefusedError, match=OLDER):
        watch.keeper.turn()
