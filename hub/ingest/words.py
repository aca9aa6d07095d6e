"""What devices say of the settings, bundles and commands that they were given: the newest word counts.

Such a word is state: it is neither acknowledged nor ordered by a lane. Within a session a word counts only
above the last one; of another session none counts, so a recorded one has no effect.
"""

from typing import Final

from hub.db.unit_of_work import UnitOfWork
from shared.protocol.command import Result
from shared.protocol.reported import Reported, TwinState

REVERTED: Final = "settings_reverted"
"""The kind of the exception that tells that a device went back from its settings."""
REFUSED: Final = "device_refused"
"""The kind of the exception that tells that somebody tried to tell a device something: forged or replayed."""


class Words:
    """Hears words; how far each device has come in its session is memory only."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard: dict[str, tuple[str, int]] = {}

    def hear(self, device: str, word: Reported | Result, uow: UnitOfWork, now_ms: int) -> bool:
        """Take a word of a device's present session; tells whether it counts."""
        if isinstance(word, Result):
            values = {"state": word.stands.value, "detail": word.detail or None, "data": dict(word.data)}
            uow.fleet.result(device, word.id, values, now_ms)
            return True
        session, n = self._heard.get(device, ("", 0))
        if session == word.session and word.n <= n:
            return False
        self._heard[device] = (word.session, word.n)
        self._report(device, word, uow, now_ms)
        return True

    def _report(self, device: str, word: Reported, uow: UnitOfWork, now_ms: int) -> None:
        twin = word.twin
        columns = {
            "reported_incarnation": None if twin is None else twin.version.incarnation,
            "reported_n": None if twin is None else twin.version.n,
            "state": None if twin is None else twin.state.value,
            "why": None if twin is None else twin.why or None,
            "refused": dict(word.refused),
        }
        held = {name: (item.version, item.state.value) for name, item in word.bundles.items()}
        uow.fleet.report(device, columns, held, now_ms)
        if twin is not None and twin.state is TwinState.REVERTED:
            self._tell(REVERTED, device, {"version": str(twin.version), "why": twin.why}, uow, now_ms)
        if word.refused:
            why = {"why": dict(word.why)} if word.why else {}
            self._tell(REFUSED, device, {**word.refused, **why}, uow, now_ms)

    def _tell(self, kind: str, device: str, detail: dict[str, object], uow: UnitOfWork, now_ms: int) -> None:
        """Put it before a clerk, once while it is open."""
        if not uow.exceptions.is_open(kind, device):
            uow.exceptions.open(kind, device, detail, now_ms)
