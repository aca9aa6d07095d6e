"""What the hub wants of a device, as it comes from the wire: settings, commands, bundles; what is reported.

    guidance.receive(topic, payload, now)      a message; refused ones have no effect and are counted
    guidance.turn(session)                     time passes; says whether to be born or to dial anew
    guidance.to_say(session)                   what to publish now

It lives as long as the process, whatever lives the owner begins. It knows no socket and no session of its
own: the owner tells it when the hub was reached.

Rules:
- A message without a MAC that holds has no effect. What is older than what the device has has none either.
- Whatever was refused is counted by cause and reported: an operator sees that somebody tries.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from shared.adapters.device_keys import Identity
from shared.edge.bundle_shelf import BundleShelf, Held, read_shelf, shelf_status
from shared.edge.command_desk import CommandDesk, TimeUnknownError, Word
from shared.edge.command_desk import read as read_book_file
from shared.edge.operations import Operations
from shared.edge.twin_keeper import OlderError, SettingsPort, TwinKeeper, report
from shared.edge.twin_keeper import read as read_twin_file
from shared.model.errors import CapacityError, InputError, VentanillaError
from shared.protocol import topics
from shared.protocol.bundle import Notice
from shared.protocol.command import Command, Result, encode_result
from shared.protocol.contents import Content
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.reported import WHY_REFUSED_LENGTH_MAX, Reported, encode_reported
from shared.protocol.session import Publish
from shared.protocol.twin import Twin

REFUSED_EVERY_MS: Final = 10_000
"""What was refused is reported so often at most: whoever floods a device makes it no louder."""
WORDS_MAX: Final = 256
"""Answers that wait for a session; the hub asks again for those beyond."""

log = structlog.get_logger(__name__)


class Anew(StrEnum):
    """What has to be done again so that settings show whether they reach the hub."""

    NOTHING = auto()
    BIRTH = auto()
    LINK = auto()


class Fetch(Protocol):
    """Brings bodies that do not travel in a notice."""

    def begin(self, notice: Notice, done: Callable[[Notice, bytes], None]) -> None:
        """Fetch a body in the background; `done` is called on the owner's thread, or never."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidanceParts:
    """What guidance is made of.

    Attributes:
        identity: who this machine is.
        folder: the identity folder.
        settings: puts settings in force.
        operations: what can be asked of this device.
        fetch: brings bodies.
        uptime_ms: the device's monotonic clock.
        wall_ms: its own clock, until there is a life that knows better.
        taken: called with every bundle and what it says.
    """

    identity: Identity
    folder: Path
    settings: SettingsPort
    operations: Operations
    fetch: Fetch
    uptime_ms: Callable[[], int]
    wall_ms: Callable[[], int]
    taken: Callable[[Held, Content | None], None]


class Guidance:
    """Takes what the hub wants, and says what became of it.

    Attributes:
        refused: messages that had no effect, by cause.
    """

    def __init__(self, parts: GuidanceParts) -> None:
        """Read what is stored, and put the settings in force.

        Raises:
            OSError: the identity folder cannot be written.
        """
        self.refused: Counter[str] = Counter()
        self._identity = parts.identity
        self._device = parts.identity.device
        self._operations = parts.operations
        self._fetch = parts.fetch
        self._twin = TwinKeeper(parts.folder, parts.settings, parts.uptime_ms)
        self._desk = CommandDesk(parts.folder, parts.operations)
        self._shelf = BundleShelf(parts.folder, parts.identity, parts.taken)
        self._words: list[Word] = []
        self._commands: list[Command] = []
        self._session: str | None = None
        self._apply = False
        self._unsettled = False
        self._told: object = None
        self._n = 0
        self._uptime_ms = parts.uptime_ms
        self._why: dict[str, str] = {}
        self._refused: dict[str, int] = {}
        self._refused_ms = -REFUSED_EVERY_MS
        self._now_ms: Callable[[], int] = parts.wall_ms

    def attach(self, look: Callable[[], Mapping[str, Any]], now_ms: Callable[[], int]) -> None:
        """Take the life that the device now leads: how it stands, and the best time that it knows."""
        self._now_ms = now_ms
        self._operations.add("report", lambda _args: look())

    def now_ms(self) -> int:
        """Return the best time that the device knows, Unix epoch; from any thread."""
        return self._now_ms()

    # ---- what the owner tells

    def receive(self, topic: str, payload: bytes, hub_ms: int | None) -> None:
        """Take a message of one of its topics; nothing happens on any other.

        Args:
            topic: as the broker delivered it.
            payload: with its MAC line.
            hub_ms: the hub's time; None before the first welcome of this boot.
        """
        kind, _, name = topic.removeprefix(topics.down(self._device, "")).partition("/")
        if kind not in _KINDS:
            return
        try:
            body = open_message(self._identity.down_keys, topic, payload)
            self._take(kind, name, body, hub_ms)
        except (VentanillaError, OSError) as error:
            cause = _cause(error)
            if cause is not None:
                self._refuse(f"{kind}:{cause}", error)
            log.warning("refused_message", topic=topic, reason=str(error) or type(error).__name__)

    def turn(self, session: str | None) -> Anew:
        """Let time pass.

        Args:
            session: in which the hub has answered; None without one.
        """
        if session is not None and session != self._session:
            self._session, self._told, self._unsettled = session, None, not self._apply
        elif session is None:
            self._session, self._unsettled = None, False
        if self._unsettled:  # the hub has answered what is in force
            self._apply = self._stored(self._settle)
        self._apply = self._stored(self._twin.look) or self._apply
        if not self._apply:
            return Anew.NOTHING
        self._apply = False
        return Anew.LINK if self._twin.put_in_force() else Anew.BIRTH

    def to_say(self, session: str) -> list[Publish]:
        """Return what to publish in a session; commands are done between their first and their last word."""
        words, self._words = self._words, []
        said = [self._result(session, word) for word in words]
        commands, self._commands = self._commands, []
        for command in commands:
            try:
                word = self._desk.run(command)
            except OSError as error:
                log.warning("command_not_settled", id=command.id, reason=str(error))
                continue
            if word is not None:
                said.append(self._result(session, word))
        if self._uptime_ms() - self._refused_ms >= REFUSED_EVERY_MS and self._refused != self.refused:
            self._refused, self._refused_ms = dict(self.refused), self._uptime_ms()
        standing = (self._twin.report(), self._shelf.report(self._now_ms()), self._refused)
        if standing != self._told:
            self._told = standing
            self._n += 1
            twin, bundles, refused = standing
            reported = Reported(
                session=session,
                n=self._n,
                twin=twin,
                bundles=bundles,
                refused=refused,
                why={cause: self._why[cause] for cause in refused},
            )
            said.append(self._sealed(topics.Verb.REPORTED, encode_reported(reported)))
        return said

    def status(self) -> dict[str, Any]:
        """Say how settings, bundles and commands stand."""
        return {
            "settings": twin_status(self._twin.twin),
            "bundles": shelf_status(self._shelf.held, self._now_ms()),
            "commands_remembered": self._desk.remembered,
            "refused": dict(self.refused),
        }

    # ---- messages

    def _take(self, kind: str, name: str, body: bytes, hub_ms: int | None) -> None:
        match kind:
            case "desired":
                self._told = None  # whoever sends it again has not heard how it stands
                self._apply = self._twin.take(body) or self._apply
            case "command":
                command, words = self._desk.take(body, hub_ms)
                self._words = [*self._words, *words][-WORDS_MAX:]
                if command is not None:
                    self._commands.append(command)
            case _:
                self._told = None
                notice = self._shelf.wants(body, name)
                if notice is not None and notice.body is None:
                    self._fetch.begin(notice, self._fetched)
                elif notice is not None and notice.body is not None:
                    self._shelf.put(notice, notice.body, self._now_ms())

    def _fetched(self, notice: Notice, body: bytes) -> None:
        known = self._shelf.version(notice.name)
        if known is not None and known >= notice.version:
            return
        try:
            self._shelf.put(notice, body, self._now_ms())
        except (InputError, CapacityError, OSError) as error:
            self._refuse("bundle:body", error)
            log.warning("bundle_not_taken", name=notice.name, reason=str(error))

    def _refuse(self, cause: str, error: Exception) -> None:
        self.refused[cause] += 1
        self._why[cause] = (str(error) or type(error).__name__)[:WHY_REFUSED_LENGTH_MAX]

    def _settle(self) -> bool:
        changed = self._twin.reached()
        self._unsettled = False
        return changed

    def _stored(self, step: Callable[[], bool]) -> bool:
        """Take a step of the twin; where the disk does not take it, it is tried again in a second."""
        try:
            return step()
        except OSError as error:
            log.warning("settings_not_stored", reason=str(error))
            return False

    # ---- words

    def _result(self, session: str, word: Word) -> Publish:
        result = Result(
            session=session,
            id=word.id,
            state=word.state,
            detail=word.detail,
            data=word.data or {},
            was=word.was,
        )
        return self._sealed(topics.Verb.RESULT, encode_result(result))

    def _sealed(self, verb: topics.Verb, body: bytes) -> Publish:
        topic = topics.up(self._device, verb)
        return Publish(topic, seal_message(self._identity.keys.links.up, topic, body))


def twin_status(twin: Twin) -> dict[str, Any]:
    """Say for a person where the settings stand."""
    found = report(twin)
    return {
        "version": None if found is None else str(found.version),
        "state": "as enrolled" if found is None else found.state.value,
        "in_force": None if twin.version is None else str(twin.version),
        "why": found.why or None if found is not None else None,
        "values": dict(twin.in_force),
    }


def _cause(error: Exception) -> str | None:
    """Say under which word a refused message is counted; None where it is only too early."""
    match error:
        case MacError():
            return "forged"
        case OlderError():
            return "older"
        case TimeUnknownError():
            return None
        case InputError():
            return "refused"
        case _:
            return "not_stored"


_KINDS: Final = frozenset({"desired", "command", "bundle"})


def stopped_status(folder: Path, now_ms: int) -> dict[str, Any]:
    """Say how settings and bundles of a stopped device stand, from its files.

    Args:
        folder: the identity folder.
        now_ms: Unix epoch.
    """
    held = {name: item for name, item, _ in read_shelf(folder)}
    return {
        "settings": twin_status(read_twin_file(folder)),
        "bundles": shelf_status(held, now_ms),
        "commands_remembered": len(read_book_file(folder)),
        "refused": {},
    }
