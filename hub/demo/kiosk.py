"""One kiosk as its two processes, and the citizens in front of it, one after the other.

They go through the kiosk's own pages (`hub.demo.citizen`) by the socket that `ventanilla kiosk run --driven`
or `--faceless` opens for whoever tries it. What they take home is the receipt that the page shows as a QR
code: it is judged as anybody can judge it, and counts only if it is genuine.

Rules: who has no receipt begins again. A citizen who is held stands before "send" and waits.
"""

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.demo import processes
from hub.demo.citizen import Citizen
from hub.demo.face import ANSWER_S, FaceCall
from hub.demo.standing import Life, Receipt, Standing
from hub.demo.town import TownEvent
from shared.edge.home import DeviceHome
from shared.protocol.receipts import Verdict, judge

LOOK_EVERY_S: Final = 0.1
STEP_S: Final = 0.25
"""Between two presses; the kiosk takes a faster one of the same thing for a tremor."""
END_S: Final = 10.0
RECEIPT_PAGE: Final = "report.receipt"
REVIEW_PAGE: Final = "report.review"


class StreetKiosk(Standing):
    """A kiosk.

    Attributes:
        face: words of the command line that choose what it shows on.
        keys: the town's public keys, by which receipts are judged.
        held: whoever stands before "send" waits.
        page: what it showed last.
        doubtful: receipts that were not genuine; none is expected.
    """

    def __init__(
        self,
        home: DeviceHome,
        name: str,
        future: deque[TownEvent],
        backoff_cap_s: float,
        face: Sequence[str],
    ) -> None:
        """Stand in the street, without power."""
        super().__init__(home, name, future, backoff_cap_s)
        self.face = tuple(face)
        self.keys: Mapping[str, Ed25519PublicKey] = {}
        self.held = False
        self.page = ""
        self.doubtful = 0
        self._served: TownEvent | None = None
        self._life: Life | None = None

    # ---- the process

    def _running(self) -> Life | None:
        return self._life

    def start(self) -> None:
        """Give it power."""
        words = ["kiosk", "run", "--home", str(self.home.path), "--backoff-cap-s", str(self._backoff_cap_s)]
        life = Life(processes.start([*words, *self.face, str(self._door)], self.log))
        self._life = life
        life.begin(partial(self.look, life), partial(self._serve, life))

    def cut_power(self) -> None:
        """Take the power of both processes, in the middle of whatever they do."""
        if self._life is not None:
            screens = processes.children(self._life.process.pid)
            processes.kill(self._life.process)
            for screen in screens:
                processes.kill_pid(screen)
            self._bury(self._life)

    def stop(self) -> None:
        """Shut it down in order; it takes its screen along."""
        if self._life is not None:
            processes.stop(self._life.process)
            self._bury(self._life)

    @property
    def is_shown(self) -> bool:
        """Whether somebody who comes now finds a screen."""
        return self.status.get("screen", {}).get("stage") == "shown"

    # ---- the face

    def pump(self) -> None:
        """Let the next citizen step in front of it."""
        if self._served is None and self.waiting and self.open and self.runs:
            self._served = self.waiting.popleft()

    def send_home(self) -> None:
        """Close the door before those who still stand in line: nothing was taken of them."""
        self.planned -= len(self.waiting) + len(self.future)
        self.waiting.clear()
        self.future.clear()

    @property
    def unanswered(self) -> int:
        """Whether somebody is in front of it."""
        return int(self._served is not None)

    @property
    def is_held(self) -> bool:
        """Whether somebody stands before "send", all of their report typed, and waits."""
        return self.held and self.unanswered == 1 and self.page == REVIEW_PAGE

    @property
    def words(self) -> str:
        """What whoever stands in front of it says; nothing where nobody does."""
        return "" if self._served is None else citizen_of(self._served).words

    # ---- inside

    @property
    def _door(self) -> Path:
        return self.home.path / "face"

    def _bury(self, life: Life) -> None:
        life.end(END_S + ANSWER_S)
        if self._served is not None:
            self.waiting.appendleft(self._served)
        self._served = None
        self.status, self.page = {}, ""
        self._life = None

    def _serve(self, life: Life) -> None:
        while not life.ended.wait(LOOK_EVERY_S):
            event = self._served
            if event is not None and self._visit(life, event):
                self._served = None

    def _visit(self, life: Life, event: TownEvent) -> bool:
        """Go with a citizen through the pages; tell whether they took a receipt home."""
        citizen, caller = citizen_of(event), FaceCall(self._door)
        has_receipt = False
        try:
            while not life.ended.is_set():
                page = caller.say({"look": True})
                self.page = str(page["page"])
                if self.page == RECEIPT_PAGE and not has_receipt:
                    has_receipt = self._take_home(event, str(page["qr"]))
                if has_receipt and self.page != RECEIPT_PAGE:
                    return True
                step = None if self.held and self.page == REVIEW_PAGE else citizen.next(page)
                if step is not None:
                    caller.say(step)
                    self.refused += int(bool(page["error"]))
                time.sleep(STEP_S)
        except (OSError, ValueError):
            time.sleep(LOOK_EVERY_S)  # its screen is just being replaced, or comes up
        finally:
            caller.close()
        return has_receipt

    def _take_home(self, event: TownEvent, shown: str) -> bool:
        judgement = judge(shown, self.keys)
        told = judgement.receipt
        if judgement.verdict is not Verdict.GENUINE or told is None:
            self.doubtful += 1  # nothing counts by it: what the core has of it will be one too many
            return True
        self.receipts[event.id] = Receipt(
            event=event,
            stream=told.stream,
            epoch=told.epoch,
            seq=told.seq,
            reference=told.reference,
            named=False,
        )
        return True


def citizen_of(event: TownEvent) -> Citizen:
    """Return who says that."""
    data = json.loads(event.line)["data"]
    return Citizen(data["service_code"], data["description"])
