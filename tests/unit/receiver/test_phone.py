"""A phone at work: its files, what it remembers, what it forgets."""

from io import StringIO
from pathlib import Path
from stat import S_IMODE

import pytest

from beacon_node.receiver.core.history import DAY_MS, SHOWN_MAX, History
from beacon_node.receiver.core.matching import Reason
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Found
from beacon_node.receiver.phone import AGAIN_MS, Phone
from beacon_node.receiver.pocket import DECISIONS_MAX, Pocket
from beacon_node.receiver.show import TerminalNotifier
from beacon_node.receiver.words import REASONS
from shared.edge.kept_files import KeptFileError, read_kept
from shared.model.beacon_notices import BeaconNotice
from shared.model.errors import InputError
from shared.model.wording import Language
from shared.protocol.parsing import parse_object
from tests.support.phone import (
    HOUR_MS,
    MINE,
    NOW_MS,
    NOW_S,
    beacon_keys,
    district_of,
    eid_said,
    heard,
    notice,
    uid_said,
)

CONCERT = notice("concierto", interests=["musica"], link="https://x.example/c")
MATCH = notice("partido", interests=["deporte"])


class Seen:
    """Collects what is shown. Implements `Notifier`."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    def show(self, notice: BeaconNotice, found: Found, language: Language) -> None:
        self.shown.append((notice.id, notice.title.in_language(language)))


def phone_of(folder: Path, seen: Seen, person: Person = MINE) -> Phone:
    return Phone(Pocket(folder), person, district_of(["biblio-3"], [CONCERT, MATCH]), seen, NOW_MS)


def test_phone_shows_what_its_person_cares_about_in_their_language_once(tmp_path: Path) -> None:
    seen = Seen()
    phone = phone_of(tmp_path / "phone", seen)
    for moment in range(5):
        phone.hear(heard(eid_said("biblio-3")), NOW_MS + moment * AGAIN_MS)
    assert seen.shown == [("concierto", "Títol concierto")]


def test_phone_that_is_started_again_shows_nothing_twice(tmp_path: Path) -> None:
    seen = Seen()
    for moment in range(3):
        phone = phone_of(tmp_path / "phone", seen)
        phone.hear(heard(eid_said("biblio-3")), NOW_MS + moment * AGAIN_MS)
    assert len(seen.shown) == 1


def test_place_is_decided_about_once_in_a_while(tmp_path: Path) -> None:
    phone = phone_of(tmp_path / "phone", Seen())
    assert phone.hear(heard(eid_said("biblio-3")), NOW_MS) is not None
    assert phone.hear(heard(eid_said("biblio-3")), NOW_MS + AGAIN_MS - 1) is None
    again = phone.hear(heard(eid_said("biblio-3")), NOW_MS + AGAIN_MS)
    assert again is not None
    assert again.reason is Reason.ALREADY_SHOWN


def test_what_cannot_be_remembered_is_not_shown(tmp_path: Path) -> None:
    seen = Seen()
    phone = phone_of(tmp_path / "phone", seen)
    (tmp_path / "phone").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="phone"):
        phone.hear(heard(eid_said("biblio-3")), NOW_MS)
    assert seen.shown == []


def test_decisions_are_kept_for_a_day_without_repeating_themselves(tmp_path: Path) -> None:
    phone = phone_of(tmp_path / "phone", Seen())
    for moment in range(4):
        phone.hear(heard(eid_said("biblio-3")), NOW_MS + moment * AGAIN_MS)
        phone.hear(heard(b"no frame"), NOW_MS + moment * AGAIN_MS)
    kept = Pocket(tmp_path / "phone").decisions(NOW_MS)
    assert [(one.place, one.reason) for one in kept] == [("biblio-3", "show"), ("biblio-3", "already_shown")]
    assert kept[0].notices == (("concierto", "show"),)
    assert Pocket(tmp_path / "phone").decisions(NOW_MS + 25 * HOUR_MS) == ()


def test_decisions_are_bounded(tmp_path: Path) -> None:
    phone = phone_of(tmp_path / "phone", Seen())
    for moment in range(DECISIONS_MAX + 20):
        said = eid_said("biblio-3") if moment % 2 else uid_said("elsewhere")
        phone.hear(heard(said, -100 if moment % 4 == 1 else -60), NOW_MS + moment * AGAIN_MS)
    assert len(Pocket(tmp_path / "phone").decisions(NOW_MS)) <= DECISIONS_MAX


def test_files_are_the_persons_alone_and_forgotten_in_one_step(tmp_path: Path) -> None:
    folder = tmp_path / "phone"
    pocket = Pocket(folder)
    pocket.keep_person(MINE)
    phone_of(folder, Seen()).hear(heard(eid_said("biblio-3")), NOW_MS)
    names = {path.name: S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert names == {"person.json": 0o600, "history.json": 0o600, "decisions.json": 0o600}
    assert S_IMODE(folder.stat().st_mode) == 0o700
    assert b"concierto" not in (folder / "history.json").read_bytes()
    pocket.forget()
    assert not folder.exists()
    pocket.forget()


def test_person_is_read_as_written_and_nobody_is_guessed(tmp_path: Path) -> None:
    pocket = Pocket(tmp_path / "phone")
    assert pocket.person() == Person()
    pocket.keep_person(MINE)
    assert pocket.person() == MINE
    assert MINE.after_no().consent_ms is None
    assert MINE.after_no().after_yes(7).consent_ms == 7
    path = tmp_path / "phone" / "person.json"
    path.write_bytes(path.read_bytes().replace(b"musica", b"deport"))
    with pytest.raises(KeptFileError):
        pocket.person()


@pytest.mark.parametrize(
    "wrong", [{"language": "fr"}, {"per_hour": -1}, {"interests": "musica"}, {"quiet": {}}]
)
def test_person_that_is_malformed_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Person.from_data({**MINE.to_data(), **wrong})


def test_history_that_is_damaged_begins_anew(tmp_path: Path) -> None:
    pocket = Pocket(tmp_path / "phone")
    history = pocket.history()
    history.note("a", 1, NOW_MS, NOW_MS)
    pocket.keep_history(history)
    assert pocket.history().has("a", 1)
    (tmp_path / "phone" / "history.json").write_bytes(b"rubbish")
    assert not pocket.history().has("a", 1)


def test_history_forgets_a_day_after_a_notice_ends() -> None:
    history = History(bytes(32))
    history.note("a", 1, NOW_MS + HOUR_MS, NOW_MS)
    history.forget_old(NOW_MS + HOUR_MS + DAY_MS - 1)
    assert history.has("a", 1)
    history.forget_old(NOW_MS + HOUR_MS + DAY_MS)
    assert not history.has("a", 1)


def test_phone_that_listens_for_days_keeps_no_decision_longer_than_one(tmp_path: Path) -> None:
    phone = phone_of(tmp_path, Seen())
    phone.hear(heard(eid_said("biblio-3")), NOW_MS)
    later_ms = NOW_MS + DAY_MS + HOUR_MS
    phone.hear(heard(uid_said("biblio-3")), later_ms)
    held = read_kept(tmp_path / "decisions.json")
    assert held is not None
    assert [one["at_ms"] for one in parse_object(held)["decisions"]] == [later_ms]


def test_history_is_bounded() -> None:
    history = History(bytes(32))
    for number in range(SHOWN_MAX + 5):
        history.note(f"n{number}", 1, NOW_MS + number, NOW_MS)
    assert len(history) == SHOWN_MAX
    assert not history.has("n0", 1)
    assert history.has(f"n{SHOWN_MAX + 4}", 1)


def test_notice_in_the_terminal_steers_nothing_and_says_what_is_unproven() -> None:
    shown = StringIO()
    hostile = notice("x", title={"es": "Título\x1b[2J"}, urgency="urgent", link="https://x.example/c")
    found = Found(beacon=beacon_keys(["biblio-3"]).beacons[0], proven=False, window_off=0)
    TerminalNotifier(shown).show(hostile, found, Language.EN)
    text = shown.getvalue()
    assert "\x1b" not in text
    assert "Place biblio-3" in text
    assert "https://x.example/c" in text
    assert "did not prove" in text
    assert "Urgent" in text


def test_reason_has_words_in_every_language() -> None:
    assert set(REASONS) == set(Reason)
    assert all(words.ca and words.en for words in REASONS.values())
    assert NOW_S * 1000 == NOW_MS
