"""A card at a kiosk: its two processes, a real pcscd, the relay to a real hub; and what the owner knows."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.adapters import device_keys
from shared.model.card_number import is_card_number
from shared.model.ids import new_event_id
from shared.protocol.mac import seal_message
from shared.protocol.parsing import encode
from shared.protocol.relay import Begin, SealedBegin, mac_topic, order_place, talks_path, verdict_place
from shared.protocol.sealing import SealingContext
from tests.support.desk_process import DeskProcess
from tests.support.hub_process import HubProcess
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_secrets import Scan, in_memory, needles, on_disk
from tests.support.pcsc import CardProcess, Pcscd
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore

pytestmark = [
    pytest.mark.requires("pcscd", "cc", "libpcsclite.so", "libc.so"),
    pytest.mark.timeout(300),
]
NewCard = Callable[[], CardProcess]
PATIENCE_S = 90.0
PIN = "8264"
EVENT_ID = new_event_id(1_795_255_200_000, bytes(10))


@pytest.fixture
def core(tmp_path: Path) -> Generator[ReferenceCore]:
    (tmp_path / "core").mkdir()
    with ReferenceCore(tmp_path / "core", "--plain") as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, core: ReferenceCore) -> Generator[HubProcess]:
    with HubProcess(tmp_path / "hub", settlements_url=core.base_url) as running:
        assert "Version 1 is current" in running.command("card-keys", "new")
        yield running


@pytest.fixture
def desk(hub: HubProcess, tmp_path: Path, pcscd: Pcscd) -> DeskProcess:
    return DeskProcess(hub.enrol("desk-1", tmp_path / "desk", kind="desk"), pcscd)


@pytest.fixture
def kiosk(hub: HubProcess, tmp_path: Path, pcscd: Pcscd) -> Generator[KioskProcess]:
    home = hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    with KioskProcess(home, "--cards", "any", patience_s=PATIENCE_S) as running:
        running.wait_for_screen()
        yield running


def issued(desk: DeskProcess, pcscd: Pcscd, card: CardProcess) -> CardProcess:
    """Issue a card with 12,34 € on it, and take it away."""
    card.hold(pcscd.door())
    for words in (("issue", "--category", "1"), ("top-up", "12,34")):
        said = desk.run(*words)
        assert said.returncode == 0, said.stdout + said.stderr
    card.take_away()
    return card


def begin(kiosk: KioskProcess, task: str = "mycard") -> None:
    """Begin a task; with "my card", go to where a card is waited for."""
    page: Mapping[str, Any] = {}

    def offered() -> bool:
        nonlocal page
        page = kiosk.say(look=True)
        if page["page"] == "attract":
            kiosk.press("start")
        if page["page"] in {"attract", "language"}:
            kiosk.press("es")
        if page["page"] == "home" and task == "lostcard":
            kiosk.press("more")
        return task in page["choices"]

    eventually(offered, timeout_s=PATIENCE_S, what=lambda: f"{task} is offered; there is {page}")
    kiosk.press(task, *(["next"] if task == "mycard" else []))


def answered(kiosk: KioskProcess) -> Mapping[str, Any]:
    """Wait until the kiosk waits for no card any more."""
    begun = ("mycard.answer", "mycard.begin", "mycard.pin", "lostcard.answer", "lostcard.pin")
    page: Mapping[str, Any] = {}

    def there() -> bool:
        nonlocal page
        page = kiosk.say(look=True)
        return page["page"] in begun

    eventually(
        there, timeout_s=PATIENCE_S, what=lambda: f"an answer; there is {page}; {kiosk.log_text()[-800:]}"
    )
    return page


@pytest.mark.sentence("N-7")
def test_card_is_read_and_its_trips_only_with_the_pin_and_the_owner_knows_nothing_of_it(
    kiosk: KioskProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard, tmp_path: Path
) -> None:
    card = issued(desk, pcscd, new_card())
    begin(kiosk)
    card.hold(pcscd.door())
    page = answered(kiosk)
    assert page["page"] == "mycard.answer"
    assert "12,34 €" in page["said"]
    assert "No hay viajes recientes." in page["said"]
    kiosk.press("home")
    set_pin = desk.run("pin", "set", typed=f"{PIN}\n")
    assert set_pin.returncode == 0, set_pin.stdout + set_pin.stderr

    begin(kiosk)  # the card lies there still
    page = answered(kiosk)
    assert "No hay viajes recientes." not in page["said"]
    for typed, word in (
        ("8266", "El PIN no es ese. Le quedan 2 intentos."),
        (PIN, "No hay viajes recientes."),
    ):
        kiosk.press("trips")
        kiosk.say(type="mycard.pin", text=typed)
        kiosk.press("next")
        assert word in answered(kiosk)["said"]

    screen = kiosk.wait_for_screen()
    scan = Scan(needles(['"balance_minor":1234', f'"pin":"{PIN}"', card.uid.hex()]))
    assert in_memory(screen, scan)
    assert not in_memory(kiosk.pid, scan)
    kiosk.press("done")
    after = kiosk.wait_for_screen(other_than=screen)
    assert not in_memory(after, scan)
    assert not on_disk([tmp_path / "kiosk-1", kiosk.log_path], scan)


@pytest.mark.sentence("N-9")
def test_lost_card_is_blocked_by_number_and_pin_at_once_and_the_owner_knows_nothing_of_it(
    kiosk: KioskProcess, hub: HubProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard, tmp_path: Path
) -> None:
    card = issued(desk, pcscd, new_card())
    card.hold(pcscd.door())
    assert desk.run("pin", "set", typed=f"{PIN}\n").returncode == 0
    (told,) = (line for line in desk.run("explain").stdout.splitlines() if line.startswith("Número: "))
    number = told.removeprefix("Número: ").replace(" ", "")
    assert is_card_number(number)
    screen = kiosk.wait_for_screen()
    begin(kiosk, "lostcard")
    kiosk.say(type="lostcard.number", text=number)
    kiosk.press("next")
    for typed in ("8266", PIN):
        kiosk.say(type="lostcard.pin", text=typed)
        kiosk.press("next")
        page = answered(kiosk)
        if typed != PIN:
            assert "no coinciden" in str(page["error"])
    assert page["page"] == "lostcard.answer"
    scan = Scan(needles([f'"number":"{number}"', f'"pin":"{PIN}"']))
    assert not in_memory(kiosk.pid, scan)
    read = desk.run("explain")
    assert "Bloqueada" in read.stdout, read.stdout + read.stderr
    (subject,) = (line.split()[0] for line in hub.command("cards", "list").splitlines() if "blocked" in line)
    assert "lost, by its holder, receipt" in hub.command("cards", "show", subject)
    assert "deny-list" in hub.command("bundle", "list")
    kiosk.press("done")
    after = kiosk.wait_for_screen(other_than=screen)
    assert not in_memory(after, scan)
    assert not on_disk([tmp_path / "kiosk-1", kiosk.log_path], scan)

    hub.kill()
    kiosk.press("start", "es")

    def closed() -> str:
        return str(kiosk.press("home", "start", "es", "more")["closed"].get("lostcard", ""))

    eventually(closed, timeout_s=PATIENCE_S, what="it is closed without a hub")
    assert "conexión" in closed()


@pytest.mark.sentence("N-7")
def test_order_that_is_not_sealed_or_sealed_for_another_begins_no_talk(
    hub: HubProcess, tmp_path: Path
) -> None:
    identity = device_keys.load(hub.enrol("kiosk-1", tmp_path / "kiosk-1").identity)
    path, key = talks_path(identity.device), identity.hub_sealing
    order = Begin(uid=bytes(7), order={"id": EVENT_ID, "do": "mine", "who": "kiosk-1"})

    def sealed(device: str, place: str) -> bytes:
        context = SealingContext(key, device, "c1", bytes(32))
        asked = SealedBegin(context=context.context, sealed=context.seal(place, order.to_body()))
        return encode(asked.to_members()) + b"\n"

    good = sealed(identity.device, order_place(identity.device))
    for body, status in (
        (good, 200),
        (order.to_body(), 422),
        (sealed("kiosk-2", order_place(identity.device)), 422),
        (sealed(identity.device, order_place("kiosk-2")), 422),
        (sealed(identity.device, verdict_place(identity.device)), 422),
    ):
        message = seal_message(identity.keys.links.up, mac_topic(path), body)
        assert hub.send_chunks(path, [message]) == status, body[:60]


def test_each_mishap_at_the_reader_is_said_and_the_next_card_is_read(
    kiosk: KioskProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    card, stranger = issued(desk, pcscd, new_card()), new_card()
    begin(kiosk)
    for kind in ("bank", "phone"):
        assert stranger.tell(be=kind) == "ok"
        stranger.hold(pcscd.door())
        assert "banco y los móviles" in str(answered(kiosk)["error"])
        stranger.take_away()
        kiosk.press("next")
    card.hold(pcscd.door(), tear_at=4)
    assert "se ha movido" in str(answered(kiosk)["error"])
    card.take_away()
    kiosk.press("next")
    card.hold(pcscd.door())
    assert "12,34 €" in answered(kiosk)["said"]
    kiosk.press("home")
    assert desk.run("block", "--why", "perdida").returncode == 0
    begin(kiosk)
    assert any("Está bloqueada" in words for words in answered(kiosk)["said"])


def test_without_a_hub_no_card_is_read_and_the_first_page_says_so(
    kiosk: KioskProcess, hub: HubProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = issued(desk, pcscd, new_card())
    begin(kiosk)
    hub.kill()
    card.hold(pcscd.door())
    assert "Se ha cortado la conexión" in str(answered(kiosk)["error"])
    kiosk.press("home", "leave")
    page = kiosk.wait_for_page("home")

    def closed() -> str:
        return str(kiosk.say(look=True)["closed"].get("mycard", ""))

    eventually(closed, timeout_s=PATIENCE_S, what=lambda: f"it is closed; there is {page}")
    assert "conexión" in closed()


def test_reader_that_is_gone_is_said_before_one_begins_and_taken_up_again(
    kiosk: KioskProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = issued(desk, pcscd, new_card())
    begin(kiosk)
    pcscd.kill()
    assert "lector" in str(answered(kiosk)["error"])
    kiosk.press("home", "leave")
    eventually(
        lambda: "lector" in str(kiosk.say(look=True)["closed"].get("mycard", "")),
        timeout_s=PATIENCE_S,
        what=lambda: f"it is closed; there is {kiosk.say(look=True)}",
    )
    eventually(
        lambda: kiosk.status()["parts"]["cards"] != "ok",
        timeout_s=PATIENCE_S,
        what=lambda: f"the owner has heard of it; there is {kiosk.status()['parts']}",
    )
    pcscd.start()
    begin(kiosk)
    card.hold(pcscd.door())
    assert "12,34 €" in answered(kiosk)["said"]
