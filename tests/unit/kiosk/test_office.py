"""When the counter is open, and what is said while it is not; the town hall's brand over the file's."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kiosk_app.core.flow import Flow
from kiosk_app.core.office import Hours
from kiosk_app.core.pages import Note
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS
from kiosk_app.languages.speaker import Speakers
from kiosk_app.ui.theme import Brand, brand_with
from shared.model.errors import InputError
from shared.model.wording import Language
from shared.protocol.settings import KIOSK_BRAND, KIOSK_HOURS, KIOSK_VERIFY, SettingError, check_settings
from tests.support.kiosk_machine import SimulatedMachine

MADRID = ZoneInfo("Europe/Madrid")
WEEKDAYS = Hours.read({day: ["09:00", "14:00"] for day in ("mon", "tue", "wed", "thu", "fri")})


def said(now: datetime, language: Language = Language.ES) -> str | None:
    words = WEEKDAYS.closed(now.astimezone(MADRID))
    return None if words is None else words.spoken_by(Speakers().of(language))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime(2026, 11, 20, 8, 0, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 12, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 7, 59, tzinfo=UTC), "viernes 20 de noviembre, 09:00"),
        (datetime(2026, 11, 20, 13, 0, tzinfo=UTC), "lunes 23 de noviembre, 09:00"),
        (datetime(2026, 10, 24, 10, 0, tzinfo=UTC), "lunes 26 de octubre, 09:00"),
    ],
    ids=["opens now", "last minute", "before", "after on Friday", "over the change of the hour"],
)
def test_counter_that_is_closed_says_when_it_opens(now: datetime, opens: str | None) -> None:
    words = said(now)
    assert words is None if opens is None else f"Abre el {opens}." in str(words)


def test_closed_counter_is_said_in_every_language_on_the_first_page_alone() -> None:
    saturday = datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert len({said(saturday, language) for language in Language}) == 3
    machine, flow = SimulatedMachine(), Flow(TASKS, Patience())
    machine.office = WEEKDAYS.closed(saturday.astimezone(MADRID))
    around = machine.around()
    for action in ("start", "es"):
        flow.press(action, around, 1_000)
    notes = [item.words for item in flow.page(around, 1_000).items if isinstance(item, Note)]
    assert notes == [machine.office]
    flow.press("report", around, 2_000)
    assert not any(isinstance(item, Note) for item in flow.page(around, 2_000).items)


def test_counter_that_never_opens_is_not_spoken_of() -> None:
    assert Hours({}).closed(datetime(2026, 11, 21, 10, tzinfo=MADRID)) is None


@pytest.mark.parametrize(
    "hours",
    [{}, [], {"lunes": ["09:00", "14:00"]}, {"mon": ["9:00", "14:00"]}, {"mon": ["14:00", "09:00"]}],
)
def test_hours_that_are_none_are_refused(hours: object) -> None:
    with pytest.raises(SettingError, match=r"kiosk\.hours"):
        check_settings({KIOSK_HOURS: hours}, strict=True)


@pytest.mark.parametrize(
    "brand", [{}, {"name": " "}, {"name": "x" * 61}, {"primary": "red"}, {"accent": 3}, {"logo": "x.png"}]
)
def test_brand_that_is_none_is_refused(brand: object) -> None:
    with pytest.raises(SettingError, match=r"kiosk\.brand"):
        check_settings({KIOSK_BRAND: brand}, strict=True)


@pytest.mark.parametrize("address", ["", "http://villar.es", "https://villar.es/", "https://a b", 3])
def test_address_of_receipts_that_is_none_is_refused(address: object) -> None:
    check_settings({KIOSK_VERIFY: "https://avisos.villar.es:8443/kiosco"}, strict=True)
    with pytest.raises(SettingError, match=r"kiosk\.verify"):
        check_settings({KIOSK_VERIFY: address}, strict=True)


def test_brand_of_the_town_hall_stands_over_the_file_s_and_a_pale_one_is_refused() -> None:
    check_settings({KIOSK_BRAND: {"name": "Villafaro", "primary": "#5B1A3A"}}, strict=True)
    file = Brand(name="Villamar")
    assert brand_with(file, {}) == file
    ours = brand_with(file, {"name": "Villafaro", "primary": "#5B1A3A"})
    assert (ours.name, ours.accent) == ("Villafaro", None)
    assert ours.primary is not None
    with pytest.raises(InputError, match="contrast"):
        brand_with(file, {"primary": "#CFE3E6"})
