"""A clerk at a desk: the real commands, a real pcscd, the relay to a real hub; and that no key passes it."""

import json
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from card_reader.keys.sealed import SoftwareKeys
from hub.keys.card_keys import CARD_KEYS, NUMBERS, SECRET
from shared.adapters import device_keys
from shared.protocol.mac import seal_message
from shared.protocol.relay import Begin, mac_topic, talks_path
from tests.support.desk import FARES, PASS, TICKET
from tests.support.desk_process import DeskProcess
from tests.support.hub_process import HubProcess
from tests.support.pcsc import CardProcess, Pcscd
from tests.support.polling import eventually
from tests.support.reader_process import ReaderProcess, load_lines, write_fares
from tests.support.reference_core import ReferenceCore

pytestmark = pytest.mark.requires("pcscd", "cc", "libpcsclite.so", "libc.so")
NewCard = Callable[[], CardProcess]
POOL = ("--for", "piscina", "--reference", "IMD-7")


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


def done(said: subprocess.CompletedProcess[str]) -> str:
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def test_clerk_issues_tops_up_charges_and_explains_a_card(
    hub: HubProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.hold(pcscd.door())
    assert "Hecho. Saldo: 0,00 €" in done(desk.run("issue", "--category", "1"))
    assert "Hecho. Saldo: 10,00 €" in done(desk.run("top-up", "10"))
    assert "Saldo: 5,50 €" in done(desk.run("charge", "4,50", *POOL))
    explained = done(desk.run("explain", "--language", "en"))
    assert "In use" in explained
    assert "Category: 1" in explained
    assert "Purchase  -4,50 €  (Left: 5,50 €)" in explained
    assert "ask for another proof" in done(desk.run("inspect", "--language", "en"))
    read = json.loads(done(desk.run("read")))
    assert (read["outcome"], len(read["records"])) == ("done", 3)
    refused = desk.run("charge", "100", *POOL)
    assert (refused.returncode, "Falta saldo" in refused.stdout) == (6, True)
    audit = json.loads(hub.command("audit"))
    assert audit["clean"]
    assert {each["kind"]: each["amount_minor"] for each in audit["balances"]} == {
        "device_cash": -1_000,
        "purse": 550,
        "revenue": 450,
    }


def test_lost_card_is_replaced_with_its_money_and_the_core_has_it_all(
    hub: HubProcess, desk: DeskProcess, core: ReferenceCore, pcscd: Pcscd, new_card: NewCard
) -> None:
    lost, new = new_card(), new_card()
    lost.hold(pcscd.door())
    done(desk.run("issue"))
    done(desk.run("top-up", "10"))
    lost.take_away()
    (subject,) = {row["subject"] for row in hub.get("/v1/payments")["items"]}
    new.hold(pcscd.door())
    assert "Hecho. Saldo: 10,00 €" in done(desk.run("replace", subject))
    assert "Saldo: 5,50 €" in done(desk.run("charge", "4,50", *POOL))
    new.take_away()
    lost.hold(pcscd.door())
    refused = desk.run("charge", "4,50", *POOL)
    assert (refused.returncode, "dada de baja" in refused.stdout) == (6, True)
    eventually(
        lambda: [row["state"] for row in hub.get("/v1/outgoing")["items"]] == ["done"] * 3,
        timeout_s=60,
        what=lambda: str(hub.get("/v1/outgoing")),
    )


def test_top_up_whose_answer_is_lost_is_settled_when_the_card_is_held_there_again(
    desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.hold(pcscd.door())
    done(desk.run("issue"))
    card.take_away()
    card.hold(pcscd.door(), tear_at=9, after=True)
    torn = desk.run("top-up", "7", "--wait-s", "3")
    assert (torn.returncode, "hold it to a desk" in torn.stderr) == (1, True), torn.stderr
    card.take_away()
    card.hold(pcscd.door())
    said = desk.run("top-up", "7")
    assert said.returncode == 6
    assert "La recarga pendiente sí se hizo" in said.stdout
    assert "Saldo: 7,00 €" in said.stdout


def test_hub_that_is_away_recognises_no_card_and_the_desk_says_so(
    hub: HubProcess, desk: DeskProcess, pcscd: Pcscd, new_card: NewCard
) -> None:
    new_card().hold(pcscd.door())
    hub.kill()
    said = desk.run("read")
    assert said.returncode == 1
    assert "only it recognises cards" in said.stderr


@pytest.mark.sentence("N-1")
def test_device_that_is_no_desk_only_reads(
    hub: HubProcess, desk: DeskProcess, tmp_path: Path, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.hold(pcscd.door())
    done(desk.run("issue"))
    inspector = DeskProcess(hub.enrol("insp-1", tmp_path / "insp", kind="inspector"), pcscd)
    assert "pida otro justificante" in done(inspector.run("inspect"))
    refused = inspector.run("top-up", "10")
    assert (refused.returncode, "may not ask" in refused.stderr) == (1, True)


def test_no_card_key_is_in_log_database_or_on_the_desks_disk(
    hub: HubProcess, desk: DeskProcess, tmp_path: Path, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.hold(pcscd.door())
    done(desk.run("issue"))
    sealed = hub.command("card-keys", "terminal-keys", "desk-1")
    assert "current" in hub.command("card-keys", "list")
    hub.kill()
    keys = _towns_keys(tmp_path / "hub" / "keys")
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for key in keys:
        assert key.hex() not in sealed
        assert not any(key in each or key.hex().encode() in each for each in written)


def _towns_keys(folder: Path) -> list[bytes]:
    """The town's keys, as whoever has the whole key folder can open them."""
    store = SoftwareKeys.opened((folder / CARD_KEYS).read_bytes(), (folder / SECRET).read_bytes(), "the hub")
    return [key for number in NUMBERS for key in store.towns_own(number).values()]


@pytest.mark.sentence("N-1")
def test_body_under_another_path_or_changed_on_its_way_begins_no_talk(
    hub: HubProcess, desk: DeskProcess
) -> None:
    identity = device_keys.load(desk.home.identity)
    path = talks_path(identity.device)
    body = Begin(uid=bytes(7), order={"do": "read"}).to_body()
    good = seal_message(identity.keys.links.up, mac_topic(path), body)
    elsewhere = seal_message(identity.keys.links.up, mac_topic(f"{path}/x"), body)
    for message, status in (
        (good, 422),  # an order without an id: it was read
        (elsewhere, 403),
        (good.replace(b"read", b"issu"), 403),
        (body, 403),
        (b"", 403),
        (b"x" * 5_000, 413),
    ):
        assert hub.send_chunks(path, [message]) == status, message[:40]
    assert hub.send_chunks(talks_path("desk-9"), [good]) == 403


def test_card_of_a_desk_rides_on_a_bus_that_was_given_its_keys(
    hub: HubProcess, desk: DeskProcess, tmp_path: Path, pcscd: Pcscd, new_card: NewCard
) -> None:
    bus = hub.enrol("bus-7", tmp_path / "bus", kind="terminal")
    line = hub.command("card-keys", "terminal-keys", "bus-7")
    elsewhere = load_lines(desk.home, line)
    assert (elsewhere.returncode, "load them again" in elsewhere.stderr) == (1, True)
    assert load_lines(bus, line).returncode == 0
    card = new_card()
    card.hold(pcscd.door())
    done(desk.run("issue"))
    done(desk.run("top-up", "10"))
    card.take_away()
    fares = write_fares(tmp_path / "fares.json")
    terminal = ReaderProcess(bus, pcscd, "--fares", str(fares), "--name", "door")
    try:
        terminal.wait_until_it_serves()
        card.hold(pcscd.door())
        assert "1,30 € Saldo 8,70 €" in terminal.next_line()
    finally:
        assert terminal.stop() == 0
    eventually(
        lambda: [row["counter"] for row in hub.get("/v1/payments")["items"]] == [1, 2, 3],
        timeout_s=60,
        what=lambda: str(hub.get("/v1/payments")),
    )
    assert "Saldo: 8,70 €" in done(desk.run("explain"))
    (purse,) = (each for each in json.loads(hub.command("audit"))["balances"] if each["kind"] == "purse")
    assert purse["amount_minor"] == 870


def test_clerk_sells_a_pass_at_the_price_of_the_fares_that_are_in_force_at_the_desk(
    hub: HubProcess, desk: DeskProcess, tmp_path: Path, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.hold(pcscd.door())
    done(desk.run("issue"))
    done(desk.run("top-up", "40"))
    nothing = desk.run("sell", str(PASS), "--paid-by", "cash")
    assert (nothing.returncode, "revise su número" in nothing.stdout) == (6, True)
    for name, price_minor, *where in (("city", 3_000), ("desk", 2_500, "--device", "desk-1")):
        products = [{**one, "amount_minor": price_minor} for one in FARES["products"]]
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({**FARES, "products": products}))
        hub.command("bundle", "publish", "fares", str(file), *map(str, where))
    assert "Hecho. Saldo: 15,00 €" in done(desk.run("sell", str(PASS), "--paid-by", "purse"))
    assert "Hecho. Saldo: 15,00 €" in done(desk.run("sell", str(TICKET), "--paid-by", "card"))
    explained = done(desk.run("explain", "--language", "en"))
    assert f"Pass {PASS}: zones 1, 2, from" in explained
    assert f"10 rides left of ticket {TICKET}" in explained
    eventually(
        lambda: [row["state"] for row in hub.get("/v1/outgoing")["items"]] == ["done"] * 3,
        timeout_s=60,
        what=lambda: str(hub.get("/v1/outgoing")),
    )
    audit = json.loads(hub.command("audit"))
    assert audit["clean"]
    assert {each["kind"]: each["amount_minor"] for each in audit["balances"]} == {
        "clearing": -2_500,
        "device_cash": -4_000,
        "purse": 1_500,
        "revenue": 5_000,
    }
