"""The uploader: takes bodies from the store to the hub, on a thread that holds up no event.

    hub's `missing` ─┐
    what was taken ──┴─> ask where the hub stands -> send from there, piece by piece -> the hub has it

Rules:
- The hub's word decides: each body is asked for before it is sent, and sent from where the hub says. So any
  cut, on either side, costs a piece at most.
- What an acknowledgement names as missing goes first, and counts as not sent whatever was noted.
- What is asked for and is not here, or is no longer what was written, is said to be gone.
- Any failure pauses the whole uploader, with a back-off; events go on by their own way meanwhile.

Not here: the wire (`shared.adapters.attachment_client`), files (`attachment_store`).
"""

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import structlog

from shared.adapters.attachment_client import Standing
from shared.adapters.attachment_store import AttachmentStore, StoredBody
from shared.model.errors import InputError, TransientError
from shared.protocol import limits
from shared.protocol.backoff import Backoff

LOOK_EVERY_S: Final = 60.0
"""Without a word from the hub: what waits is asked after so often."""
STOP_S: Final = 30.0

log = structlog.get_logger(__name__)


class HubBodies(Protocol):
    """The hub, as the uploader speaks to it; `attachment_client` is the one over HTTPS."""

    def look(self, name: str) -> Standing:
        """Ask how far the hub is with a body."""
        ...

    def append(self, name: str, offset: int, content: bytes) -> Standing:
        """Send a piece of a body."""
        ...

    def give_up(self, name: str) -> None:
        """Say that a body cannot come any more."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class Uploader:
    """Uploads one device's bodies.

    Args:
        store: where they lie.
        hub: where they go.
        retry_max_ms: the longest pause after a failure.
        look_every_s: how often it asks by itself.
        draw: draws from [0, 1), for jitter.
    """

    def __init__(
        self,
        store: AttachmentStore,
        hub: HubBodies,
        *,
        retry_max_ms: int = limits.ATTACHMENT_RETRY_MAX_MS,
        look_every_s: float = LOOK_EVERY_S,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._hub = hub
        self._look_every_s = look_every_s
        self._backoff = Backoff(random=draw, max_ms=retry_max_ms)
        self._missing: tuple[str, ...] = ()
        self._given_up: set[str] = set()
        self._stirred = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploader", daemon=True)

    def start(self) -> None:
        """Begin to upload."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece that is under way."""
        self._stopping.set()
        self._stirred.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def hear(self, missing: Sequence[str]) -> None:
        """Learn what the hub lacks; from any thread, and at once."""
        self._missing = tuple(missing)
        if self._missing:
            self._stirred.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except (TransientError, InputError, OSError) as error:
                pause_ms = self._backoff.next_ms()
                log.info("upload_paused", reason=str(error), retry_ms=pause_ms)
                self._stopping.wait(pause_ms / 1000)
            else:
                self._backoff.reset()
                self._stirred.wait(self._look_every_s)
        self._hub.close()

    def turn(self) -> None:
        """Do what there is to do, once.

        Raises:
            TransientError: the hub does not answer.
            InputError: the hub refuses.
            OSError: the disk does not give a body back.
        """
        self._stirred.clear()
        missing = self._missing
        for name in missing:
            if self._store.find(name) is None:
                self._give_up(name)
            else:
                self._store.note_missing(name)
        damaged = False
        for body in _first(self._store.waiting(), missing):
            if self._stopping.is_set():
                return
            damaged |= not self._upload(body)
        if damaged:
            raise TransientError("a photograph arrived damaged; it is sent again, look at the network")

    def _upload(self, body: StoredBody) -> bool:
        """Send what the hub lacks of a body; tell whether that went as it should."""
        standing = self._hub.look(body.name)
        self._store.expire(standing.hub_ms)
        if not standing.awaited:
            self._store.note_unawaited(body.name, standing.hub_ms)
            return True
        if not self._store.is_there(body.name):
            return self._mend(body)
        with self._store.open(body.name) as file:
            while not (standing.complete or standing.spoilt or self._stopping.is_set()):
                file.seek(standing.offset)
                piece = file.read(limits.ATTACHMENT_STEP_BYTES)
                if not piece:
                    return self._mend(body)
                standing = self._hub.append(body.name, standing.offset, piece)
        if standing.complete:
            self._store.note_sent(body.name, standing.hub_ms)
        return self._mend(body) if standing.spoilt else True

    def _mend(self, body: StoredBody) -> bool:
        """The hub was given other bytes than were written; tell whether it was the disk, and all is said."""
        if self._store.is_sound(body.name):
            return False
        self._store.drop(body.name)
        self._give_up(body.name)
        return True

    def _give_up(self, name: str) -> None:
        if name not in self._given_up:
            log.warning("attachment_gone", name=name)
            self._hub.give_up(name)
            self._given_up.add(name)


def _first(bodies: Iterable[StoredBody], missing: Sequence[str]) -> Sequence[StoredBody]:
    """Order bodies: what the hub names comes first."""
    named = set(missing)
    return sorted(bodies, key=lambda body: body.name not in named)
