"""Enrolment from the printed token to the first frame: real HTTPS, real certificates, a real broker."""

import json
import ssl
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from hub.api.enrolment import enrolment_router
from hub.broker.permissions import BrokerUser
from hub.keys.authority import SERVER_CERTIFICATE, SERVER_KEY, certificate_uri
from hub.keys.enrolment import Enrolment, HubAddress, TokenUsedError, TokenWanted, enrol_token
from hub.keys.registry import DeviceState
from shared.adapters import device_keys
from shared.adapters.device_keys import IdentityDamagedError, KeySet, NotEnrolledError
from shared.adapters.durable_files import PRIVATE
from shared.adapters.enrolment_client import (
    HubUnreachableError,
    RefusedError,
    WrongHubError,
    enrol,
    renew,
)
from shared.adapters.mqtt_link import DownReason, LinkDown, LinkUp
from shared.edge.renewal import CertificateKeeper
from shared.edge.standing import LinkStatus, Status
from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.enrolment import ENROLMENT_PATH, EnrolmentRequest, Token
from tests.support.https import https
from tests.support.town import Town, now_ms


@dataclass(slots=True)
class Clock:
    """The hub's clock, moved by a test."""

    ahead_ms: int = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms


@dataclass(slots=True, kw_only=True)
class Office:
    """A town whose hub answers over HTTPS."""

    town: Town
    enrolment: Enrolment
    clock: Clock
    address: HubAddress
    admitted: list[int]

    def router(self) -> APIRouter:
        return enrolment_router(self.enrolment, self.town.room.keys, self.town.room.authority.pem)

    def token(self, device: str = "kiosk-7") -> Token:
        return self.enrolment.issue(TokenWanted(device=device, kind="kiosk", site="Plaza Mayor"))


@pytest.fixture
def office(tmp_path: Path) -> Generator[Office]:
    town = Town(tmp_path / "hub")
    clock = Clock()
    app = FastAPI()
    with https(app, town.keys / SERVER_CERTIFICATE, town.keys / SERVER_KEY) as port:
        address = HubAddress(hub=f"127.0.0.1:{port}", brokers=(f"127.0.0.1:{town.port}",))
        admitted = list[int]()

        def admit() -> None:
            admitted.append(len(town.users()))
            town.broker.reload()

        enrolment = Enrolment(town.room, address, clock=clock, admit=admit)
        app.include_router(enrolment_router(enrolment, town.room.keys, town.room.authority.pem))
        yield Office(town=town, enrolment=enrolment, clock=clock, address=address, admitted=admitted)
    town.close()


def test_enrol_with_token_gives_an_identity_that_the_broker_admits(office: Office, tmp_path: Path) -> None:
    office.town.broker.start()
    identity = enrol(tmp_path / "identity", Token.parse(str(office.token())))
    assert (identity.device, identity.answer.site) == ("kiosk-7", "Plaza Mayor")
    registry = office.town.room.registry
    assert registry.keys_of("kiosk-7") == {identity.keys.links.up.id: identity.keys.links.up.key}
    assert registry.down_key("kiosk-7") == identity.keys.links.down
    assert identity.hub_sealing.raw == office.town.room.keys.sealing[0].public().raw
    settings = replace(office.town.settings("hub"), name="kiosk-7", tls=identity.tls_context())
    settings = replace(settings, subscriptions=("vt/1/kiosk-7/down/#",))
    _, inbox = office.town.link_with(settings)
    inbox.next(LinkUp)


def test_identity_files_are_private(office: Office, tmp_path: Path) -> None:
    identity = enrol(tmp_path / "identity", office.token())
    private = {"secret", "signing.key", "tls.key", "answer.json"}
    modes = {p.name: p.stat().st_mode & 0o777 for p in identity.folder.iterdir()}
    assert {name for name, mode in modes.items() if mode == PRIVATE} == private
    assert identity.folder.stat().st_mode & 0o077 == 0


@pytest.mark.sentence("K-6")
def test_token_used_by_another_machine_is_refused(office: Office, tmp_path: Path) -> None:
    token = office.token()
    enrol(tmp_path / "first", token)
    with pytest.raises(RefusedError, match="revoke"):
        enrol(tmp_path / "second", token)


@pytest.mark.sentence("K-6")
def test_token_repeated_after_a_lost_answer_gives_the_same_certificate(
    office: Office, tmp_path: Path
) -> None:
    """The device's folder as it was before the answer came, twice."""
    token = office.token()
    folder = tmp_path / "identity"
    device_keys.pending_keys(folder)
    before = {p.name: p.read_bytes() for p in (folder / "pending").iterdir()}
    first = enrol(folder, token)
    again = tmp_path / "again" / "pending"
    again.mkdir(parents=True)
    for name, content in before.items():
        (again / name).write_bytes(content)
    second = enrol(again.parent, token)
    assert second.answer.certificate == first.answer.certificate
    assert len(office.town.room.registry.device("kiosk-7").certificates) == 1


@pytest.mark.sentence("K-6")
def test_token_after_fifteen_minutes_is_refused_with_the_remedy(office: Office, tmp_path: Path) -> None:
    token = office.token()
    office.clock.ahead_ms = limits.ENROLMENT_TOKEN_LIFE_MS
    with pytest.raises(RefusedError, match=r"15 minutes are over.*hub enrol"):
        enrol(tmp_path / "identity", token)


def test_token_replaced_by_a_newer_one_is_void(office: Office, tmp_path: Path) -> None:
    old, new = office.token(), office.token()
    with pytest.raises(RefusedError, match="no such token"):
        enrol(tmp_path / "identity", old)
    enrol(tmp_path / "identity", new)


def test_token_of_two_machines_at_once_is_used_by_exactly_one(office: Office, tmp_path: Path) -> None:
    token = office.token()
    start = threading.Barrier(4)

    def attempt(number: int) -> bool:
        device_keys.pending_keys(tmp_path / f"machine-{number}")
        start.wait(10)
        try:
            enrol(tmp_path / f"machine-{number}", token)
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]
    assert len(office.town.room.registry.keys_of("kiosk-7")) == 1


def test_token_used_by_many_threads_at_once_makes_one_device_each_time(
    office: Office, tmp_path: Path
) -> None:
    """The same without the network between, which keeps requests apart: all eight meet in the same line."""
    machines = [device_keys.pending_keys(tmp_path / f"machine-{n}") for n in range(8)]
    pace = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for number in range(5):
            token = office.token(f"kiosk-{number}")
            start = threading.Barrier(len(machines))

            def attempt(keys: KeySet, token: Token = token, start: threading.Barrier = start) -> bool:
                request = EnrolmentRequest(
                    device=token.device,
                    secret=token.secret.hex(),
                    k_up=keys.links.up.key.hex(),
                    k_down=keys.links.down.key.hex(),
                    signing=keys.signing.public_key().public_bytes_raw().hex(),
                    csr=keys.certification_request(token.device),
                )
                start.wait(10)
                try:
                    office.enrolment.enrol(request)
                except TokenUsedError:
                    return False
                return True

            with ThreadPoolExecutor(len(machines)) as pool:
                assert sum(pool.map(attempt, machines)) == 1
            assert len(office.town.room.registry.keys_of(token.device)) == 1
    finally:
        sys.setswitchinterval(pace)


@pytest.mark.sentence("K-6")
def test_hub_of_another_fingerprint_gets_nothing(office: Office, tmp_path: Path) -> None:
    token = replace(office.token(), fingerprint=bytes(16))
    with pytest.raises(WrongHubError):
        enrol(tmp_path / "identity", token)
    assert office.town.room.registry.devices() == ()


def test_hub_that_shows_the_right_authority_with_anothers_server_certificate_gets_nothing(
    office: Office, tmp_path: Path
) -> None:
    """A machine in the middle can copy the authority's certificate; it cannot be certified by it."""
    stranger = Town(tmp_path / "stranger")
    app = FastAPI()
    heard = list[str]()
    app.include_router(office.router())
    app.middleware("http")(_listening(heard))
    with https(app, stranger.keys / SERVER_CERTIFICATE, stranger.keys / SERVER_KEY) as port:
        token = replace(office.token(), hub=f"127.0.0.1:{port}")
        with pytest.raises(WrongHubError):
            enrol(tmp_path / "identity", token)
    stranger.close()
    assert heard == ["/enrolment/authority"]


def _listening(heard: list[str]):  # noqa: ANN202 - starlette's own type
    async def middleware(request, call_next):  # noqa: ANN001, ANN202 - starlette's own types
        heard.append(request.url.path)
        return await call_next(request)

    return middleware


def test_hub_away_is_transient_and_the_same_token_works_later(office: Office, tmp_path: Path) -> None:
    token = office.token()
    away = replace(token, hub="127.0.0.1:9")
    with pytest.raises(HubUnreachableError, match="same token"):
        enrol(tmp_path / "identity", away, timeout_s=2)
    enrol(tmp_path / "identity", token)


def test_second_copy_away_refuses_and_the_token_stays_open(office: Office, tmp_path: Path) -> None:
    token = office.token()
    copy = office.town.folder / "copy"
    copy.rename(copy.with_name("unplugged"))
    copy.write_text("not a folder")
    with pytest.raises(HubUnreachableError, match="second copy"):
        enrol(tmp_path / "identity", token)
    assert office.town.room.registry.devices() == ()
    copy.unlink()
    copy.with_name("unplugged").rename(copy)
    enrol(tmp_path / "identity", token)
    first = (office.town.keys / "registry.jsonl").read_bytes()
    assert (copy / "registry.jsonl").read_bytes() == first


def test_renewal_keeps_keys_and_adds_a_certificate(office: Office, tmp_path: Path) -> None:
    before = enrol(tmp_path / "identity", office.token())
    after = renew(tmp_path / "identity")
    assert after.answer.certificate != before.answer.certificate
    assert after.keys.links == before.keys.links
    assert after.previous == before.keys.links
    assert len(office.town.room.registry.device("kiosk-7").certificates) == 2


def test_renewal_of_a_revoked_device_is_refused(office: Office, tmp_path: Path) -> None:
    enrol(tmp_path / "identity", office.token())
    office.town.room.registry.revoke("kiosk-7", "stolen")
    with pytest.raises(RefusedError):
        renew(tmp_path / "identity")


def test_device_enrolled_again_keeps_its_previous_key_on_both_sides(office: Office, tmp_path: Path) -> None:
    first = enrol(tmp_path / "identity", office.token())
    second = enrol(tmp_path / "identity", office.token())
    assert second.previous == first.keys.links
    assert office.town.room.registry.keys_of("kiosk-7").keys() == {
        first.keys.links.up.id,
        second.keys.links.up.id,
    }
    assert set(second.down_keys) == {first.keys.links.down.id, second.keys.links.down.id}
    assert len(office.town.room.registry.device("kiosk-7").certificates) == 1


def test_device_revoked_and_enrolled_again_leaves_the_stolen_identity_outside(
    office: Office, tmp_path: Path
) -> None:
    office.town.broker.start()
    stolen = enrol(tmp_path / "stolen", office.token())
    office.town.room.registry.revoke("kiosk-7", "stolen")
    fresh = enrol(tmp_path / "fresh", office.token())
    assert office.town.room.registry.keys_of("kiosk-7").keys() == {fresh.keys.links.up.id}
    assert office.town.room.registry.device("kiosk-7").state is DeviceState.ACTIVE
    settings = replace(office.town.settings("hub"), name="kiosk-7", tls=stolen.tls_context())
    _, inbox = office.town.link_with(replace(settings, subscriptions=("vt/1/kiosk-7/down/#",)))
    assert inbox.next(LinkDown).reason is DownReason.REFUSED


def test_operator_gets_a_token_from_the_running_hub_and_from_a_stopped_one(
    office: Office, tmp_path: Path
) -> None:
    town = office.town

    def ask(device: str) -> Token:
        wanted = TokenWanted(device=device, kind="terminal", site="L3")
        address = office.address
        return Token.parse(
            enrol_token(
                town.keys, town.folder / "copy", wanted, address=address, local=address.hub, clock=now_ms
            )
        )

    enrol(tmp_path / "running", ask("bus-3"))
    assert town.room.registry.device("bus-3").site == "L3"
    town.room.close()
    try:
        assert ask("bus-4").device == "bus-4"
    finally:
        town.room = type(town.room).open(town.keys, town.folder / "copy", clock=now_ms)


def test_operator_without_the_api_token_gets_none(office: Office) -> None:
    (office.town.keys / "api-token").write_text("wrong-wrong-wrong-wrong-wrong-wrong-wrong")
    with pytest.raises(RefusedError, match="api-token"):
        enrol_token(
            office.town.keys,
            None,
            TokenWanted(device="bus-3"),
            address=office.address,
            local=office.address.hub,
            clock=now_ms,
        )


@pytest.mark.parametrize("device", ["hub", "Kiosk", "a/b", "", "k" * 33, "+"])
def test_token_for_what_is_no_device_id_is_refused(office: Office, device: str) -> None:
    with pytest.raises(InputError):
        office.token(device)


def test_body_longer_than_any_request_is_refused(office: Office) -> None:
    url = f"https://{office.address.hub}{ENROLMENT_PATH}"
    answer = httpx.post(url, content=b"x" * 100_000, verify=office.town.tls(None))
    assert (answer.status_code, answer.json()["title"]) == (413, "Body too long")


def test_machine_clock_years_behind_enrols_and_connects(office: Office, tmp_path: Path) -> None:
    """Certificates that are not valid yet, as a machine of 1970 sees them; here, of a hub of next week."""
    office.clock.ahead_ms = 8 * 86_400_000
    office.town.room.authority.make_own(office.town.room.folder, (), office.clock())
    app = FastAPI()
    app.include_router(office.router())
    with https(app, office.town.keys / SERVER_CERTIFICATE, office.town.keys / SERVER_KEY) as port:
        token = replace(office.token(), hub=f"127.0.0.1:{port}")
        assert enrol(tmp_path / "identity", token).device == "kiosk-7"


def test_load_without_identity_says_enrol(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolledError, match="hub enrol"):
        device_keys.load(tmp_path / "identity")


@pytest.mark.parametrize("name", ["secret", "signing.key", "tls.key", "tls.crt", "answer.json"])
def test_load_with_a_damaged_file_says_enrol_again(office: Office, tmp_path: Path, name: str) -> None:
    identity = enrol(tmp_path / "identity", office.token())
    (identity.folder / name).write_bytes(b"\0" * 7)
    with pytest.raises(IdentityDamagedError, match="new token"):
        device_keys.load(tmp_path / "identity")


class Watch:
    """A device's clocks and standing, as a test says."""

    def __init__(self, *, hub_offset_ms: int | None = None, wall_ms: int = 0, is_up: bool = False) -> None:
        self.uptime_ms = 1_000
        self.wall_ms = wall_ms
        self.status = Status(
            device="kiosk-7",
            running=True,
            state="streaming",
            hub_offset_ms=hub_offset_ms,
            link=LinkStatus(up=is_up),
            lanes={},
        )

    def keeper(self, folder: Path, tls: ssl.SSLContext | None = None) -> CertificateKeeper:
        identity = device_keys.load(folder)
        return CertificateKeeper(
            folder,
            identity,
            tls or identity.tls_context(),
            look=lambda: self.status,
            wall_ms=lambda: self.wall_ms,
            uptime_ms=lambda: self.uptime_ms,
        )


def test_certificate_is_renewed_in_its_second_year_and_keys_stay(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    before = enrol(folder, office.token())
    office.clock.ahead_ms = before.certificate_ends_ms - now_ms() - limits.CERTIFICATE_RENEW_MS - 1_000
    Watch(hub_offset_ms=office.clock() - 1_000).keeper(folder).turn()
    assert device_keys.load(folder).certificate_ends_ms == before.certificate_ends_ms  # a second too early
    office.clock.ahead_ms += 2_000
    keeper = Watch(hub_offset_ms=office.clock() - 1_000).keeper(folder)
    keeper.turn()
    keeper.turn()
    after = device_keys.load(folder)
    assert (keeper.renewals, keeper.ends_ms) == (1, after.certificate_ends_ms)
    assert after.certificate_ends_ms > before.certificate_ends_ms + limits.CERTIFICATE_RENEW_MS // 2
    assert after.keys.links == before.keys.links


def test_device_of_the_time_before_receipts_asks_for_the_town_s_word_once(
    office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    enrol(folder, office.token())
    (answer,) = folder.rglob("answer.json")
    said = {**json.loads(answer.read_text()), "endorsement": ""}
    answer.write_text(json.dumps(said))
    silent = Watch().keeper(folder)
    silent.turn()
    assert silent.renewals == 0  # the hub was not heard yet
    keeper = Watch(hub_offset_ms=office.clock() - 1_000).keeper(folder)
    keeper.turn()
    keeper.turn()
    assert keeper.renewals == 1
    assert device_keys.load(folder).answer.endorsement


def test_link_shows_the_renewed_certificate_at_its_next_connection(office: Office, tmp_path: Path) -> None:
    town, folder = office.town, tmp_path / "identity"
    before = enrol(folder, office.token())
    tls = before.tls_context()
    Watch(hub_offset_ms=before.certificate_ends_ms).keeper(folder, tls).turn()

    def newest_alone() -> list[BrokerUser]:
        (newest, *_) = town.room.registry.device("kiosk-7").certificates
        return [BrokerUser(name=certificate_uri("kiosk-7", newest.serial), device="kiosk-7")]

    town.broker = town.make_broker(users=newest_alone)
    town.broker.start()
    settings = replace(town.settings("hub"), name="kiosk-7", tls=tls, subscriptions=("vt/1/kiosk-7/down/#",))
    _, inbox = town.link_with(settings)
    inbox.next(LinkUp)


def test_certificate_that_ended_in_a_cupboard_is_renewed_once_a_day_at_most(
    office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    ends_ms = enrol(folder, office.token()).certificate_ends_ms
    watch = Watch(wall_ms=ends_ms + 1)
    keeper = watch.keeper(folder)
    keeper.turn()
    keeper.turn()
    assert keeper.renewals == 1
    watch.wall_ms = keeper.ends_ms + 1  # a clock that runs away
    keeper.turn()
    assert keeper.renewals == 1
    watch.uptime_ms += limits.CERTIFICATE_BLIND_MS
    keeper.turn()
    assert keeper.renewals == 2


def test_certificate_is_left_alone_while_the_link_stands_or_the_clock_says_nothing(
    office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    ends_ms = enrol(folder, office.token()).certificate_ends_ms
    for watch in (Watch(wall_ms=ends_ms + 1, is_up=True), Watch(wall_ms=ends_ms - 1), Watch(hub_offset_ms=0)):
        keeper = watch.keeper(folder)
        keeper.turn()
        assert keeper.renewals == 0


def test_renewal_that_fails_leaves_the_certificate_and_is_tried_again(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    before = enrol(folder, office.token())
    office.town.room.registry.revoke("kiosk-7", "stolen")
    keeper = Watch(hub_offset_ms=before.certificate_ends_ms).keeper(folder)
    with pytest.raises(RefusedError):
        keeper.turn()
    assert device_keys.load(folder).certificate_ends_ms == before.certificate_ends_ms
    office.clock.ahead_ms = 60_000
    enrol(folder, office.token())
    keeper.turn()
    assert keeper.renewals == 1
