"""Six keys reach everything, and a trembling hand presses once."""

from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.core.keyboard import Hand
from kiosk_app.core.spelling import spelled
from kiosk_app.core.voice import Sentence, page_aloud, value_aloud
from kiosk_app.core.walk import Arrow, Stop, Strikes, stops_of, walk
from kiosk_app.core.words import say
from shared.model.wording import Language
from tests.support.kiosk import Kiosk


def stops(kiosk: Kiosk) -> list[Stop]:
    return list(stops_of(kiosk.page, Hand(), Language.ES))


def test_keypad_reaches_tiles_actions_back_and_home_in_the_order_of_reading() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0")
    assert [stop.action for stop in stops(kiosk)] == ["here", "street", "landmark", "map", "back", "home"]


def test_field_is_typed_with_arrows_by_rows() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "report", "c0", "here", "next")
    keys = stops(kiosk)
    at = next(number for number, stop in enumerate(keys) if stop.key == "T")
    below = walk(at, Arrow.DOWN, keys)
    assert keys[below].key == "G"
    assert walk(below, Arrow.UP, keys) == at


@given(
    rows=st.lists(st.integers(1, 11), min_size=1, max_size=8),
    arrows=st.lists(st.sampled_from(Arrow), max_size=30),
)
def test_walk_stays_on_the_page_and_down_comes_round(rows: list[int], arrows: list[Arrow]) -> None:
    places = [Stop(action=f"{row}.{n}", row=row) for row, count in enumerate(rows) for n in range(count)]
    at = 0
    for arrow in arrows:
        at = walk(at, arrow, places)
        assert 0 <= at < len(places)
    seen = {at}
    for _ in places:
        at = walk(at, Arrow.RIGHT, places)
        seen.add(at)
    assert seen == set(range(len(places)))
    row = places[at].row
    for _ in rows:
        at = walk(at, Arrow.DOWN, places)
    assert places[at].row == row


def test_trembling_hand_presses_once() -> None:
    strikes = Strikes()
    assert strikes.counts("ok", 1_000, within_ms=400)
    assert not strikes.counts("ok", 1_200, within_ms=400)
    assert not strikes.counts("ok", 1_500, within_ms=400)
    assert strikes.counts("down", 1_550, within_ms=400)
    assert strikes.counts("ok", 1_560, within_ms=400)
    assert strikes.counts("ok", 2_000, within_ms=400)


def test_what_is_somebodys_own_is_for_a_headset_alone() -> None:
    kiosk = Kiosk()
    kiosk.report()
    kiosk.press("report.contact", "phone")
    kiosk.type("contact.phone", "611 222 333")
    for page in (kiosk.page, kiosk.press("next")):
        said = page_aloud(page, 3)
        assert any("6, 1, 1. 2, 2, 2. 3, 3, 3" in repr(each.heard(by_headset=True)) for each in said)
        assert not any("1, 1" in repr(each.heard(by_headset=False)) for each in said)


def test_error_is_said_first_and_a_code_is_spelled_by_groups() -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", "follow", "next")
    page = kiosk.page
    assert page_aloud(page, 3)[0] == Sentence(words=say("Escriba algo para seguir."))
    assert spelled("7KXM-2PRT-94VW") == "7, K, X, M. 2, P, R, T. 9, 4, V, W"
    entry = next(item for item in page.items if hasattr(item, "keyboard"))
    assert "vacío" in repr(value_aloud(entry))  # pyright: ignore[reportArgumentType]  an entry
