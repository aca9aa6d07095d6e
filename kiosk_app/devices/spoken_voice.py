"""The voice: says sentences one after the other, until somebody presses something.

    voice = SpokenVoice(EspeakNg(), Outputs(AlsaSound(), AlsaSound("plughw:Headset"), jack), speakers.of)
    voice.say(desk.speech(around, now_ms), speaker)      # never waits

Rules:
- New sentences end what is being said, at once. What waits lives in memory alone, and is gone with them.
- Private words go to a headset. Pulled out in the middle of one, the sentence ends there.
- Where espeak-ng or the sound fails the kiosk goes on in silence, and health says so.

Source: EN 301 549 5.1.3.4 (interruption), 5.1.3.9 (private data), 5.1.3.14 (the screen's language).
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import Speaker
from kiosk_app.devices.port import WORKS, Health, Jack, State
from kiosk_app.devices.sound import Playing, Sound
from shared.model.errors import DeviceError
from shared.model.wording import Language

_LOOK_S: Final = 0.05
"""How often the socket is looked at while the end of a sentence is played."""


class Speech(Protocol):
    """A sentence on its way out."""

    def read(self) -> bytes:
        """Return the next piece; nothing at its end. Raises DeviceError."""
        ...

    def stop(self) -> None:
        """End at once."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Synthesizer(Protocol):
    """Makes speech from text."""

    def begin(self, text: str, language: Language, loudness: int) -> Speech:
        """Begin a sentence. Raises DeviceError."""
        ...


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where it comes out.

    Attributes:
        speaker: for everybody.
        headset: for one person.
        jack: whether that one is plugged in.
    """

    speaker: Sound
    headset: Sound
    jack: Jack


@dataclass(frozen=True, slots=True)
class _Utterance:
    """A sentence in its language, as a headset and as a speaker says it."""

    private: str
    public: str
    language: Language
    loudness: int


class SpokenVoice:
    """Reads aloud; implements `kiosk_app.core.ports.Voice` and `kiosk_app.devices.port.Device`.

    Args:
        synthesizer: makes speech.
        outputs: where it comes out.
        speaker_of: who knows a language, for sentences in another one than the session's.
    """

    def __init__(
        self, synthesizer: Synthesizer, outputs: Outputs, speaker_of: Callable[[Language], Speaker]
    ) -> None:
        self._synthesizer = synthesizer
        self._outputs = outputs
        self._speaker_of = speaker_of
        self._turn = threading.Condition()
        self._waiting: deque[_Utterance] = deque()
        self._round = 0
        self._now: tuple[Speech, Playing] | None = None
        self._is_over = False
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="voice", daemon=True)
        self._thread.start()

    def say(self, sentences: Sequence[Sentence], speaker: Speaker) -> None:
        """Say sentences, in place of what is being said; none end it."""
        waiting = deque(self._utterance(sentence, speaker) for sentence in sentences)
        with self._turn:
            self._round += 1
            self._waiting = waiting
            self._silence()
            self._turn.notify()

    def open(self) -> None:
        """Try whether it can speak, without a sound.

        Raises:
            DeviceError: it cannot.
        """
        self._synthesizer.begin("", Language.ES, 1).close()

    def close(self) -> None:
        """Be silent for good."""
        with self._turn:
            self._is_over = True
            self._waiting.clear()
            self._silence()
            self._turn.notify()
        self._thread.join()

    def health(self) -> Health:
        """Say how the last sentence went; before the first one, whether there is a synthesizer."""
        failure = self._failure
        if not failure:
            try:
                self.open()
            except DeviceError as error:
                failure = str(error)
        return Health(state=State.BROKEN, remedy=failure) if failure else WORKS

    # ---- inside

    def _utterance(self, sentence: Sentence, speaker: Speaker) -> _Utterance:
        language = sentence.language or speaker.language
        by = speaker if language is speaker.language else self._speaker_of(language)
        heard = (sentence.heard(by_headset=True), sentence.heard(by_headset=False))
        private, public = ("" if words is None else words.spoken_by(by) for words in heard)
        return _Utterance(private, public, language, sentence.loudness)

    def _silence(self) -> None:
        for each in self._now or ():
            each.stop()

    def _run(self) -> None:
        said = (0, 0)
        while not self._is_over:
            said = self._say_next(said)

    def _say_next(self, said: tuple[int, int]) -> tuple[int, int]:
        """Say what waits first; the same in place of several private ones is said once.

        Args:
            said: the round and the hash of what was said before: no text outlives its sentence.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or self._is_over)
            if self._is_over:
                return said
            turn, utterance = self._round, self._waiting.popleft()
        is_by_headset = self._outputs.jack.is_plugged()
        text = utterance.private if is_by_headset else utterance.public
        saying = (turn, hash(text))
        if text and (is_by_headset or saying != said):
            self._try_to_speak(text, utterance, turn, is_by_headset=is_by_headset)
        return saying

    def _try_to_speak(self, text: str, utterance: _Utterance, turn: int, *, is_by_headset: bool) -> None:
        try:
            is_private = is_by_headset and utterance.private != utterance.public
            self._speak(text, utterance, turn, is_by_headset=is_by_headset, is_private=is_private)
            self._failure = ""
        except DeviceError as error:
            self._failure = str(error)

    def _speak(
        self, text: str, utterance: _Utterance, turn: int, *, is_by_headset: bool, is_private: bool
    ) -> None:
        speech = self._synthesizer.begin(text, utterance.language, utterance.loudness)
        try:
            playing = (self._outputs.headset if is_by_headset else self._outputs.speaker).begin()
            try:
                with self._turn:
                    if turn != self._round or self._is_over:
                        return
                    self._now = (speech, playing)
                self._relay(speech, playing, is_private=is_private)
            finally:
                with self._turn:
                    self._now = None
                playing.stop()
                playing.finish(_LOOK_S)
        finally:
            speech.close()

    def _relay(self, speech: Speech, playing: Playing, *, is_private: bool) -> None:
        while piece := speech.read():
            if is_private and not self._outputs.jack.is_plugged():
                return
            playing.write(piece)
        while not playing.finish(_LOOK_S):
            if is_private and not self._outputs.jack.is_plugged():
                return
