"""A clerk says something at a beacon of a real hub, and phones hear of it without saying who they are."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPMessage, HTTPSConnection
from json import dumps
from typing import Any

import pytest

from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotices
from shared.model.instants import to_rfc3339
from shared.protocol.bundle import check_notice, decode_notice
from shared.protocol.parsing import parse_object
from shared.protocol.receipts import TownKeys
from shared.protocol.signing import SignatureError
from tests.support.hub_process import HubProcess
from tests.support.node_process import enrolled_board
from tests.support.town import now_ms

DAY_MS = 86_400_000
PHONE = {"User-Agent": "Telefono/1.0 (Marta)", "Cookie": "who=Marta", "Accept-Language": "ca"}
"""What a phone may say of itself, although nobody asked."""


HEADERS = {
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "referrer-policy",
    "vary",
    "x-content-type-options",
}
"""All that an answer says besides what was asked for: none of it can tell two phones apart."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hall")
    with HubProcess(folder / "hub", notices_approval="anyone", log_level="debug") as hub:
        hub.enrol("kiosk-1", folder / "kiosk-1")
        enrolled_board(folder / "beacon-1", hub.command("enrol", "beacon-1", "--kind", "beacon"))
        where = ("--district", "centro", "--site", "plaza", "--at", "43.46,-3.81")
        hub.command("places", "add", "biblio-3", *where, "--name", "Biblioteca", "--name", "en=Library")
        hub.command("places", "assign", "biblio-3", "beacon-1")
        hub.command("interests", "add", "musica", "Música", "--name-en", "Music")
        file = folder / "notice.json"
        file.write_text(dumps(notice()))
        (folder / "picture.jpg").write_bytes(b"picture")
        hub.command("notices", "draft", str(file), "--picture", str(folder / "picture.jpg"))
        hub.command("notices", "approve", "concierto-7", "--version", "1")
        yield hub


def notice() -> dict[str, Any]:
    return {
        "id": "concierto-7",
        "title": {"es": "Concierto a las ocho", "ca": "Concert a les huit"},
        "text": {"es": "Entrada libre."},
        "interests": ["musica"],
        "places": ["biblio-3"],
        "from": to_rfc3339(now_ms() - DAY_MS),
        "until": to_rfc3339(now_ms() + DAY_MS),
        "picture": {"url": "https://ciudad.example/7.jpg"},
    }


def fetch(hub: HubProcess, path: str, **headers: str) -> tuple[int, HTTPMessage, bytes]:
    """As a phone asks: without a token; on a connection of its own."""
    context = ssl.create_default_context(cafile=str(hub.home / "keys" / "ca.crt"))
    with closing(HTTPSConnection("127.0.0.1", hub.port, timeout=20, context=context)) as connection:
        connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.sentence("W-19")
def test_phone_gets_signed_bundles_of_its_district(hub: HubProcess) -> None:
    trusted = TownKeys.from_body(fetch(hub, "/verify/keys")[2]).by_id()
    said: list[dict[str, Any]] = []
    for kind in ("keys", "notices"):
        status, headers, message = fetch(hub, f"/beacons/centro/{kind}")
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert headers["Cache-Control"].startswith("public")
        bundle = decode_notice(message)
        check_notice(bundle, trusted)
        assert bundle.name == f"beacon-{kind}-centro"
        assert bundle.body is not None
        said.append(parse_object(bundle.body))
        again = fetch(hub, f"/beacons/centro/{kind}", If_None_Match=headers["ETag"])
        assert (again[0], again[2]) == (304, b"")
    keys, notices = BeaconKeys.from_data(said[0]), BeaconNotices.from_data(said[1])
    (beacon,) = keys.beacons
    assert (beacon.place, beacon.name.en) == ("biblio-3", "Library")
    assert {len(key) for key in beacon.keys} == {16}
    (concert,) = notices.notices
    assert concert.picture is not None
    assert (concert.id, concert.places, len(concert.picture.sha256)) == ("concierto-7", ("biblio-3",), 64)


@pytest.mark.parametrize("path", ["/beacons/norte/keys", "/beacons/norte/notices", "/beacons/%2e%2e/keys"])
def test_district_that_there_is_not_is_told_so(hub: HubProcess, path: str) -> None:
    assert fetch(hub, path)[0] == 404


@pytest.mark.sentence("W-19")
def test_answers_are_the_same_whoever_asks_and_nobody_is_written_down(hub: HubProcess) -> None:
    paths = [
        "/beacons/centro/keys",
        "/beacons/centro/notices",
        "/b/biblio-3?lang=ca",
        "/b/place.css",
        "/b/place.js",
    ]
    for path in paths:
        first, second = fetch(hub, path), fetch(hub, path, **PHONE)
        assert (first[0], first[2]) == (200, second[2])
        for _, headers, _ in (first, second):
            assert "Set-Cookie" not in headers
            assert {name.lower() for name in headers} <= HEADERS
        assert sorted(first[1].items()) == sorted(second[1].items()) or first[1]["date"] != second[1]["date"]
    log = hub.log_text()
    for trace in ("Marta", "Telefono", "biblio-3", "/beacons/", "centro"):
        assert trace not in log
    assert "127.0.0.1:" not in log.replace(f":{hub.port}", "").replace(f":{hub.broker_port}", "")
    for file in hub.home.rglob("*"):
        if file.is_file():
            assert b"Telefono" not in file.read_bytes()


def test_page_of_a_place_is_in_the_browsers_language_and_strict(hub: HubProcess) -> None:
    status, headers, page = fetch(hub, "/b/biblio-3", Accept_Language="ca,es;q=0.5")
    assert status == 200
    assert "Concert a les huit" in page.decode()
    assert headers["Vary"] == "Accept-Language"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Concierto a las ocho" in fetch(hub, "/b/biblio-3?lang=es", Accept_Language="ca")[2].decode()
    assert fetch(hub, "/b/nowhere")[0] == 404
    assert fetch(hub, "/b/biblio-3?lang=xx")[0] == 422


def test_clerk_sees_what_was_done_and_refusals_end_with_their_remedy(hub: HubProcess) -> None:
    assert "biblio-3" in hub.command("places", "list", "--district", "centro")
    assert "beacon-1" in hub.command("places", "show", "biblio-3")
    shown = hub.command("notices", "show", "concierto-7")
    assert "drafted" in shown
    assert "approved" in shown
    assert "musica" in hub.command("interests", "list")
    assert "approved" in hub.command("notices", "list", "--state", "approved")
    for words, remedy in (
        (
            ("places", "add", "biblio-3", "--district", "c", "--site", "s", "--name", "n"),
            "choose another code",
        ),
        (("places", "assign", "biblio-3"), "name a device, or say --none"),
        (("places", "assign", "nowhere", "--none"), "places list"),
        (("places", "assign", "biblio-3", "kiosk-1"), "--kind beacon"),
        (("notices", "approve", "concierto-7", "--version", "1"), "draft a correction"),
        (("notices", "withdraw", "nothing"), "notices list"),
        (("notices", "draft", str(hub.home / "keys" / "ca.crt")), "correct that line"),
        (("interests", "withdraw", "ajedrez"), "interests list"),
    ):
        done = hub.try_command(*words)
        assert done.returncode != 0
        assert remedy in " ".join(done.stderr.split())
    assert hub.ask("GET", "/v1/places", token="")[0] == 401


def test_bundles_are_there_again_after_a_restart_with_higher_versions(hub: HubProcess) -> None:
    before = decode_notice(fetch(hub, "/beacons/centro/notices")[2])
    hub.stop()
    hub.start()
    after = decode_notice(fetch(hub, "/beacons/centro/notices")[2])
    assert after.version > before.version
    assert after.body == before.body


def test_bundles_are_under_the_new_signing_key_when_the_hub_runs_after_a_rotation(hub: HubProcess) -> None:
    before = decode_notice(fetch(hub, "/beacons/centro/keys")[2])
    hub.stop()
    assert "signed by" in hub.command("rotate", "signing")
    hub.start()
    town = TownKeys.from_body(fetch(hub, "/verify/keys")[2])
    newest = TownKeys(town=town.town, keys=town.keys[:1]).by_id()
    after = decode_notice(fetch(hub, "/beacons/centro/keys")[2])
    with pytest.raises(SignatureError):
        check_notice(before, newest)
    check_notice(after, newest)
    assert after.version > before.version
