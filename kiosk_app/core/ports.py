"""What flow and desk need of the world: a machine that carries out effects, a voice, who knows words."""

from collections.abc import Callable, Sequence
from typing import Protocol

from kiosk_app.core.draft import Around
from kiosk_app.core.effects import Answer, Effect
from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import Speaker


class Machine(Protocol):
    """Carries out what the flow asks; none of its calls waits for a disk, a network or a device."""

    def around(self) -> Around:
        """Return the machine and its town, as they are now."""
        ...

    def carry_out(self, effect: Effect, tell: Callable[[Answer], None]) -> None:
        """Begin to carry out an effect.

        Args:
            effect: what is asked.
            tell: called with the answer, once, from any thread; never for an effect that has none.
        """
        ...

    def photo(self, token: str) -> bytes:
        """Return the JPEG body of a photograph of this session, for the screen."""
        ...


class Voice(Protocol):
    """Reads aloud."""

    def say(self, sentences: Sequence[Sentence], speaker: Speaker) -> None:
        """Say sentences in the speaker's language, in place of what is being said; none end it.

        Private sentences are for a headset; without one, only that something was said is heard.
        """
        ...
