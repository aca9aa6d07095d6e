"""A desk that takes nothing any more once its process is about to be replaced."""

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.draft import Around
from kiosk_app.core.effects import Effect
from kiosk_app.core.flow import Flow
from kiosk_app.core.session import Attract
from kiosk_app.machine.machine import KioskMachine


class LeavingDesk(Desk):
    """Hands and ears of one screen's process.

    Args:
        flow: what they act on.
        machine: says whether the process is leaving.
    """

    def __init__(self, flow: Flow, machine: KioskMachine) -> None:
        super().__init__(flow)
        self._machine = machine

    @property
    def is_idle(self) -> bool:
        """Whether nobody is there."""
        return isinstance(self.flow.session.moment, Attract)

    def touch(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press, unless the process is leaving."""
        return [] if self._machine.is_leaving else super().touch(action, around, now_ms)

    def strike(self, key: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of the on-screen keyboard, unless the process is leaving."""
        return [] if self._machine.is_leaving else super().strike(key, around, now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        self._machine.look()
        return super().tick(now_ms)

    def key(self, key: Key, around: Around, now_ms: int) -> list[Effect]:
        """Take a key of the keypad, unless the process is leaving."""
        return [] if self._machine.is_leaving else super().key(key, around, now_ms)
