"""`ventanilla kiosk run` as a real process without a screen: driven through a report, killed, looked into."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hub.demo.face import FaceCall
from shared.edge.home import DeviceHome
from shared.edge.status_socket import OwnerSilentError, ask_owner
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]
END_S = 30.0
START_S = 90.0


class KioskProcess:
    """One owner's process on one home, and whatever screens it has one after the other.

    Args:
        home: of an enrolled device.
        options: more words for the command line.
        has_screen: it has the real one, drawn without a display.
        patience_s: for a screen or a page to come.
    """

    def __init__(
        self, home: DeviceHome, *options: str, has_screen: bool = False, patience_s: float = START_S
    ) -> None:
        self.home = home
        self._patience_s = patience_s
        self._face = home.path / "face"
        self._call = FaceCall(self._face)
        self.log_path = home.path.parent / f"{home.path.name}.log"
        face = ["--offscreen", "--driven"] if has_screen else ["--faceless"]
        words = ["run", "--home", str(home.path), *face, str(self._face), "--backoff-cap-s", "0.3"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.cli", "kiosk", *words, *options],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    # ---- the processes

    @property
    def pid(self) -> int:
        """The owner's."""
        return self._process.pid

    def screens(self) -> list[int]:
        """The screens' processes, newest last."""
        with suppress(OSError):
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return [int(child) for child in children]
        return []

    def status(self) -> Mapping[str, Any]:
        """Ask the owner's socket; empty while it does not answer."""
        try:
            return ask_owner(self.home.run)
        except OwnerSilentError:
            return {}

    def wait_for_status(self, **wanted: object) -> Mapping[str, Any]:
        """Wait until the owner says so."""

        def look() -> Mapping[str, Any]:
            status = self.status()
            return status if all(status.get(name) == value for name, value in wanted.items()) else {}

        return eventually(look, timeout_s=self._patience_s, what=str(wanted))

    def wait_for_screen(self, *, other_than: int | None = None) -> int:
        """Wait until a screen is in front; returns its process."""

        def look() -> int:
            screen = self.status().get("screen", {})
            is_shown = screen.get("stage") == "shown" and screen.get("pid") != other_than
            return int(screen["pid"]) if is_shown else 0

        return eventually(
            look, timeout_s=self._patience_s, what=lambda: f"a screen in front: {self.log_text()[-2000:]}"
        )

    def kill(self) -> None:
        """End the owner as a power cut would; its screens go with it."""
        self._call.close()
        screens = self.screens()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(END_S)
        eventually(lambda: not any(map(_runs, screens)), what="the screens' end")

    def stop(self) -> int:
        """Ask it to end, and return its status."""
        self._call.close()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(END_S)

    def log_text(self) -> str:
        """What both processes have written to the log."""
        return self.log_path.read_text()

    # ---- the face

    def say(self, **line: object) -> Mapping[str, Any]:
        """Give the face a line, and return the page; whoever is in front may just be replaced."""

        def try_it() -> Mapping[str, Any]:
            try:
                return self._call.say(line)
            except OSError:
                return {}

        return eventually(
            try_it, timeout_s=self._patience_s, what=lambda: f"the face: {self.log_text()[-2000:]}"
        )

    def press(self, *actions: str) -> Mapping[str, Any]:
        """Touch one thing after the other; returns the last page."""
        page: Mapping[str, Any] = {}
        for action in actions:
            self.say(touch="nothing")  # so that no press is taken for the tremor of the one before
            page = self.say(touch=action)
        return page

    def wait_for_page(self, name: str) -> Mapping[str, Any]:
        """Wait for a page."""

        def look() -> Mapping[str, Any]:
            page = self.say(look=True)
            return page if page["page"] == name else {}

        return eventually(look, timeout_s=self._patience_s, what=lambda: f"{name}: {self.say(look=True)}")

    def report(self, words: str, *, phone: str = "", photos: int = 0) -> Mapping[str, Any]:
        """Go through a report to its receipt, and leave it there."""
        self.go_to_review(words, phone=phone, photos=photos)
        self.press("send")
        return self.wait_for_page("report.receipt")

    def go_to_review(self, words: str, *, phone: str = "", photos: int = 0) -> None:
        """Go through a report up to the page that asks whether all of it is right."""
        self.wait_for_page("attract")
        self.press("start", "es", "report")
        first = self.wait_for_page("report.category")["choices"][0]
        self.press(first, "here")
        self._skip_to("report.words")
        self.say(type="words", text=words)
        self.press("next")
        for number in range(photos):
            self.press("photo")
            eventually(lambda n=number: self.say(look=True)["photos"] == n + 1, what="a photograph")
        self._skip_to("report.contact")
        self.press("phone" if phone else "nobody")
        if phone:
            self.say(type="contact.phone", text=phone)
            self.press("next")
        self.say(touch="nothing")

    def serve(self, words: str, *, phone: str = "", photos: int = 0) -> Mapping[str, Any]:
        """Serve a citizen to the end: a report, its receipt, and a screen that knows nothing of them."""
        screen = self.wait_for_screen()
        page = self.report(words, phone=phone, photos=photos)
        self.press("done")
        self.wait_for_screen(other_than=screen)
        self.wait_for_page("attract")
        return page

    def _skip_to(self, name: str) -> None:
        for _ in range(8):
            page = eventually(self._settled, timeout_s=self._patience_s, what="what others reported")
            if page["page"] == name:
                return
            self.press("next")
        raise AssertionError(self.say(look=True))

    def _settled(self) -> Mapping[str, Any]:
        """The page, unless it goes by itself as soon as the hub has answered."""
        page = self.say(look=True)
        return {} if page["page"] == "report.nearby" and page["choices"] == ["next"] else page


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process of the kiosk."""
    os.kill(pid, number)
