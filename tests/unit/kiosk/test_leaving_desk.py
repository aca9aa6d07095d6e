"""What the owner tells a screen's process to do, and who presses while that is about to be replaced."""

import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kiosk_app.core.desk import Key
from kiosk_app.core.draft import Ability
from kiosk_app.machine.equipment import NoEquipment
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.framing import MessageLine
from kiosk_app.main import put_together
from kiosk_app.town.demonstration import demonstration_town
from shared.model.wording import Language
from shared.protocol.sealing import HubSealingKey
from shared.protocol.settings import SCREEN_LANGUAGES
from tests.support.polling import eventually

EITHER_KEY = pytest.mark.parametrize(("key", "is_aloud"), [(Key.CHOOSE, False), (Key.SPEAK, True)])


class Screen:
    """Desk and machine at one end of a line; the other end is the owner's.

    Args:
        settings: in force when it starts.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.owner = MessageLine(ours)
        self.now_ms = 1_000
        self.sealing = HubSealingKey.generate().public().raw.hex()
        self.tell(tell="hello", device="kiosk-9", sealing=self.sealing, version="1", settings=settings or {})
        self._line = MessageLine(theirs)
        far = FarOwner(self._line, lambda: None)
        self.desk, self.machine = put_together(far.begin(10), far, demonstration_town(), NoEquipment())

    def close(self) -> None:
        self.owner.close()
        self._line.close()

    def tell(self, **members: object) -> None:
        """Let the owner say something."""
        self.owner.send(members)

    def tick(self) -> bool:
        self.now_ms += 500
        for effect in self.desk.tick(self.now_ms):
            self.machine.carry_out(effect, lambda _answer: None)
        return True

    def touch(self, action: str) -> str:
        self.now_ms += 700
        for effect in self.desk.touch(action, self.machine.around(), self.now_ms):
            self.machine.carry_out(effect, lambda _answer: None)
        return self.page

    @property
    def page(self) -> str:
        return self.desk.page(self.machine.around(), self.now_ms).name

    def said(self) -> Mapping[str, Any]:
        """Wait for the screen's next word."""
        return self.owner.receive()[0]


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def test_process_is_replaced_for_new_settings_when_nobody_is_there(screen: Screen) -> None:
    screen.touch("start")
    screen.tell(tell="anew")
    screen.tell(tell="standing", closed={}, network=True, sealing=screen.sealing)
    eventually(lambda: Ability.NETWORK not in screen.machine.around().closed, what="what came after it")
    assert screen.tick()
    assert not screen.machine.is_leaving
    screen.touch("back")
    eventually(lambda: screen.tick() and screen.machine.is_leaving, what="that it leaves")
    assert screen.said() == {"say": "leave"}


@EITHER_KEY
def test_press_at_a_process_that_leaves_is_told_to_the_owner_once(
    screen: Screen, key: Key, is_aloud: bool
) -> None:
    screen.tell(tell="anew")
    eventually(lambda: screen.tick() and screen.machine.is_leaving, what="that it leaves")
    for _ in range(3):
        screen.now_ms += 700
        assert screen.desk.key(key, screen.machine.around(), screen.now_ms) == []
        assert screen.page == "coming"
    assert screen.said() == {"say": "leave"}
    assert screen.said() == {"say": "awaited", "aloud": is_aloud}


def test_arrow_at_a_process_that_leaves_begins_nothing(screen: Screen) -> None:
    screen.tell(tell="anew")
    eventually(lambda: screen.tick() and screen.machine.is_leaving, what="that it leaves")
    screen.desk.key(Key.DOWN, screen.machine.around(), screen.now_ms)
    assert screen.page == "attract"
    assert screen.touch("start") == "coming"


@EITHER_KEY
def test_next_process_begins_with_what_was_pressed_at_the_one_before(
    screen: Screen, key: Key, is_aloud: bool
) -> None:
    screen.tell(tell="begin", aloud=is_aloud)
    eventually(lambda: screen.tick() and screen.page == "language", what=f"that {key} begins")
    assert screen.desk.flow.session.comfort.speech is is_aloud


def test_languages_are_those_of_the_settings_and_all_where_nobody_has_set_them(screen: Screen) -> None:
    assert [*screen.desk.flow.languages] == [*Language]
    other = Screen({SCREEN_LANGUAGES: ["ca", "es"]})
    assert other.desk.flow.languages == (Language.CA, Language.ES)
    other.close()
