"""Whatever somebody types into fields of their own, in whatever order: the speaker says none of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.keyboard import Hand, rows_of, strike
from kiosk_app.core.pages import Entry, Keyboard, Page
from kiosk_app.core.spelling import key_name
from kiosk_app.core.voice import key_aloud, news, page_aloud
from kiosk_app.languages.speaker import Speakers
from shared.model.wording import Language
from tests.support.kiosk import Kiosk

SPEAKERS = Speakers()
LETTERS = "ßŁŻøđþ"
"""Letters that stand in no sentence of the kiosk: wherever one is heard, it was typed."""


def private_entry(page: Page) -> Entry | None:
    return next((item for item in page.items if isinstance(item, Entry) and item.private), None)


@settings(max_examples=80)
@given(data=st.data(), language=st.sampled_from(Language))
def test_speaker_says_nothing_of_what_was_typed_into_a_field_of_somebody_s_own(
    data: st.DataObject, language: Language
) -> None:
    kiosk = Kiosk()
    desk = Desk(kiosk.flow)
    heard: list[str] = []

    def listen() -> None:
        said = desk.speech(kiosk.around, kiosk.now_ms)
        for sentence in said or ():
            words = sentence.heard(by_headset=False)
            if words is not None:
                heard.append(words.spoken_by(SPEAKERS.of(language)))

    listen()
    desk.key(Key.SPEAK, kiosk.around, kiosk.now_ms)
    listen()
    kiosk.press(language)
    for _ in range(data.draw(st.integers(5, 40))):
        kiosk.now_ms += 700
        entry = private_entry(kiosk.page)
        keys = data.draw(st.sampled_from([*Key, *LETTERS])) if entry else data.draw(st.sampled_from([*Key]))
        if isinstance(keys, Key):
            desk.key(keys, kiosk.around, kiosk.now_ms)
        else:
            desk.strike(keys, kiosk.around, kiosk.now_ms)
        listen()
        pressable = [choice.id for choice in kiosk.page.actions() if choice.closed is None]
        if pressable and data.draw(st.booleans()):
            kiosk.now_ms += 700
            desk.touch(data.draw(st.sampled_from(pressable)), kiosk.around, kiosk.now_ms)
            listen()
    assert heard
    assert not {letter for text in heard for letter in LETTERS if letter.lower() in text.lower()}


@given(
    keyboard=st.sampled_from(Keyboard),
    language=st.sampled_from(Language),
    signs=st.booleans(),
    spoken=st.sampled_from(Language),
)
def test_key_of_any_keyboard_has_a_name_that_can_be_heard(
    keyboard: Keyboard, language: Language, signs: bool, spoken: Language
) -> None:
    for row in rows_of(keyboard, language, Hand(text="a", signs=signs)):
        names = [key_name(key).spoken_by(SPEAKERS.of(spoken)) for key in row]
        assert all(name.isalnum() or len(name) > 2 for name in names), names
        assert len(set(names)) == len(names)


@given(value=st.text("ab1", min_size=0, max_size=6), key=st.sampled_from("ab1"))
def test_key_in_a_field_of_somebody_s_own_is_said_by_headset_alone(value: str, key: str) -> None:
    assert key_aloud(key, private=True).heard(by_headset=False) is None
    assert key_aloud(key, private=True).heard(by_headset=True) is not None
    assert strike(Hand(text=value), key, 20).text == value + key


@given(data=st.data())
def test_page_that_did_not_change_has_no_news(data: st.DataObject) -> None:
    kiosk = Kiosk()
    kiosk.press("start", "es", data.draw(st.sampled_from(["report", "agenda", "suggest", "callback"])))
    page = kiosk.page
    assert news(page, page) == []
    assert page_aloud(page, 3)
