"""The voice with a real espeak-ng: heard in three languages, silent at once, private by headset alone."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log10
from pathlib import Path

import pytest

from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import say, written
from kiosk_app.devices.espeak import EspeakNg
from kiosk_app.devices.port import State
from kiosk_app.devices.sound import AlsaSound
from kiosk_app.devices.spoken_voice import Outputs, SpokenVoice
from kiosk_app.languages.speaker import Speakers
from shared.model.wording import Language
from tests.support.polling import eventually
from tests.support.sounds import Recorder, Socket

pytestmark = pytest.mark.requires("espeak-ng")
SPEAKERS = Speakers()
LONG = written("Una frase larga, que no acaba nunca. " * 40)
SECRET = Sentence(words=written("Geheimnis " * 30), private=True, public=say("Hay algo escrito."))


@dataclass
class Room:
    """A voice, a loudspeaker and a headset."""

    speaker: Recorder = field(default_factory=Recorder)
    headset: Recorder = field(default_factory=Recorder)
    socket: Socket = field(default_factory=Socket)
    program: str = "espeak-ng"

    def __post_init__(self) -> None:
        outputs = Outputs(self.speaker, self.headset, self.socket)
        self.voice = SpokenVoice(EspeakNg(self.program), outputs, SPEAKERS.of)

    def say(self, *sentences: Sentence, language: Language = Language.ES) -> None:
        self.voice.say(sentences, SPEAKERS.of(language))


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.voice.close()


def children() -> list[Path]:
    """Every process that this one has started and that still runs, by its folder in /proc."""
    threads = Path("/proc/self/task").iterdir()
    found = [(thread / "children").read_text(encoding="ascii").split() for thread in threads]
    return [Path("/proc") / number for numbers in found for number in numbers]


def test_sentences_are_spoken_one_after_the_other_each_in_its_language(room: Room) -> None:
    title = say("¿En qué idioma?")
    room.say(*(Sentence(words=title, language=language) for language in Language))
    eventually(lambda: room.speaker.whole() == 3)
    lengths = [len(take.samples()) for take in room.speaker.takes]
    assert all(length > 8_000 for length in lengths)
    assert len({bytes(take.wav) for take in room.speaker.takes}) == 3
    assert all(take.loudness() > 100 for take in room.speaker.takes)
    assert room.voice.health().state is State.WORKS


def test_press_makes_it_silent_within_fifty_milliseconds(room: Room) -> None:
    took_s: list[float] = []
    for number in range(10):
        room.speaker.plays.clear()
        room.say(Sentence(words=LONG), Sentence(words=LONG))
        eventually(lambda number=number: len(room.speaker.takes) > number and room.speaker.takes[-1].wav)
        pressed_s = time.monotonic()
        room.say()
        stopped_s = room.speaker.takes[-1].stopped_s
        assert stopped_s is not None
        took_s.append(stopped_s - pressed_s)
    assert min(took_s) < 0.05
    room.speaker.plays.set()
    eventually(lambda: not children(), what="every espeak-ng has ended")
    assert len(room.speaker.takes) == 10, "what waited was not said"


def test_new_sentence_takes_the_place_of_what_is_being_said(room: Room) -> None:
    room.speaker.plays.clear()
    room.say(Sentence(words=LONG), Sentence(words=LONG))
    eventually(lambda: room.speaker.takes)
    room.say(Sentence(words=written("Otra.")))
    room.speaker.plays.set()
    eventually(lambda: room.speaker.whole() == 1)
    assert [take.is_whole for take in room.speaker.takes] == [False, True]


def test_private_sentence_is_for_the_headset_and_the_speaker_says_only_that_it_is_there(room: Room) -> None:
    room.say(SECRET, SECRET, Sentence(words=written("Fin.")))
    eventually(lambda: room.speaker.whole() == 2, what="once that something was typed, and the end")
    assert room.headset.takes == []
    room.socket.plugged = True
    room.say(SECRET, Sentence(words=written("Fin.")))
    eventually(lambda: room.headset.whole() == 2)
    assert room.speaker.whole() == len(room.speaker.takes) == 2
    assert len(room.headset.takes[0].samples()) > 5 * len(room.speaker.takes[0].samples())


def test_headset_pulled_out_ends_a_private_sentence_and_only_that(room: Room) -> None:
    room.socket.plugged = True
    room.headset.plays.clear()
    room.say(SECRET, Sentence(words=written("Fin.")))
    eventually(lambda: room.headset.takes and room.headset.takes[0].wav)
    room.socket.plugged = False
    room.headset.plays.set()
    eventually(lambda: room.speaker.whole() == 1)
    (take,) = room.headset.takes
    assert not take.is_whole


def test_loudness_has_eighteen_decibels_between_its_ends(room: Room) -> None:
    for loudness in (1, 3, 5):
        room.say(Sentence(words=written("Hola, buenas tardes."), loudness=loudness))
        eventually(lambda loudness=loudness: room.speaker.whole() == (loudness + 1) // 2)
    quiet, usual, loud = (take.loudness() for take in room.speaker.takes)
    assert 20 * log10(usual / quiet) >= 12
    assert 20 * log10(loud / quiet) >= 18


def test_what_is_said_stands_in_no_argument_and_no_environment_of_a_process(room: Room) -> None:
    room.socket.plugged = True
    room.headset.plays.clear()
    room.say(SECRET)
    eventually(lambda: room.headset.takes and room.headset.takes[0].wav)
    running = children()
    assert running
    for process in running:
        assert b"Geheimnis" not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        files = [str(file.readlink()) for file in (process / "fd").iterdir()]
        assert not [file for file in files if file.startswith("/") and not file.startswith("/dev/")]
    room.headset.plays.set()
    room.say()
    eventually(lambda: not children())


def test_kiosk_without_espeak_goes_on_and_says_so() -> None:
    room = Room(program="no-such-program")
    room.say(Sentence(words=LONG))
    eventually(lambda: room.voice.health().state is State.BROKEN)
    assert "install espeak-ng" in room.voice.health().remedy
    room.voice.close()


def test_espeak_that_is_killed_costs_a_sentence_and_the_next_one_is_said(room: Room) -> None:
    room.speaker.plays.clear()
    room.say(Sentence(words=LONG), Sentence(words=written("Otra.")))
    eventually(lambda: room.speaker.takes and children())
    for process in children():
        os.kill(int(process.name), 9)
    room.speaker.plays.set()
    eventually(lambda: room.speaker.whole() == 1)
    assert not room.speaker.takes[0].is_whole


def test_sound_that_cannot_be_opened_is_said_and_comes_back(room: Room) -> None:
    room.speaker.is_broken = True
    room.say(Sentence(words=written("Hola.")))
    eventually(lambda: "see aplay -L" in room.voice.health().remedy)
    room.speaker.is_broken = False
    room.say(Sentence(words=written("Hola.")))
    eventually(lambda: room.voice.health().state is State.WORKS)


@pytest.mark.requires("aplay")
def test_sentence_goes_through_the_real_aplay() -> None:
    outputs = Outputs(AlsaSound("null"), AlsaSound("no-such-card"), socket := Socket())
    voice = SpokenVoice(EspeakNg(), outputs, SPEAKERS.of)
    endless = written("Una frase larga, que no acaba nunca. " * 400)
    voice.say([Sentence(words=endless)], SPEAKERS.of(Language.ES))
    eventually(lambda: len(children()) == 2, what="espeak-ng and aplay run")
    voice.say([], SPEAKERS.of(Language.ES))
    eventually(lambda: not children(), what="and end")
    assert voice.health().state is State.WORKS
    socket.plugged = True
    voice.say([Sentence(words=LONG)], SPEAKERS.of(Language.ES))
    eventually(lambda: "no-such-card" in voice.health().remedy)
    voice.close()
    without = AlsaSound(program="no-such-program")
    with pytest.raises(Exception, match="install alsa-utils"):
        without.begin()
