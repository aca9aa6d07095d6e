"""A desk that takes nothing any more once its process is about to be replaced.

Who presses meanwhile is not left without an answer: the page says that it goes on in a moment, and the next
process begins where that press would have led.
"""

from typing import Final

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.draft import Around
from kiosk_app.core.effects import Effect
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Page
from kiosk_app.core.session import Attract
from kiosk_app.core.showing import COMING
from kiosk_app.machine.machine import KioskMachine

_WAKING: Final = frozenset({Key.CHOOSE, Key.SPEAK})
"""Keys that begin where nobody is."""


class LeavingDesk(Desk):
    """Hands and ears of one screen's process.

    Args:
        flow: what they act on.
        machine: says whether the process is leaving.
    """

    def __init__(self, flow: Flow, machine: KioskMachine) -> None:
        super().__init__(flow)
        self._machine = machine
        self._is_waited_for = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody is there."""
        return isinstance(self.flow.session.moment, Attract)

    def page(self, around: Around, now_ms: int) -> Page:
        """Return the page of this moment; for who pressed while the process is leaving, that it goes on."""
        return COMING if self._is_waited_for else super().page(around, now_ms)

    def touch(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press; one while the process is leaving is for the next one."""
        return self._hand_on() if self._machine.is_leaving else super().touch(action, around, now_ms)

    def strike(self, key: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of the on-screen keyboard, unless the process is leaving."""
        return [] if self._machine.is_leaving else super().strike(key, around, now_ms)

    def key(self, key: Key, around: Around, now_ms: int) -> list[Effect]:
        """Take a key of the keypad; one that begins, while the process is leaving, is for the next one."""
        if not self._machine.is_leaving:
            return super().key(key, around, now_ms)
        return self._hand_on(aloud=key is Key.SPEAK) if key in _WAKING else []

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass; what somebody wanted of the process before this one is begun."""
        effects = super().tick(now_ms)
        wanted = self._machine.heed(is_idle=self.is_idle)
        if wanted is not None and self.is_idle:
            effects += self.key(wanted, self._machine.around(), now_ms)
        return effects

    def _hand_on(self, *, aloud: bool = False) -> list[Effect]:
        if not self._is_waited_for:
            self._is_waited_for = True
            self._machine.hand_on(aloud=aloud)
        return []
