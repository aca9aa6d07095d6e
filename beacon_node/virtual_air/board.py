"""A board that is a program: real MicroPython, a folder as its flash; power, watchdog, reset, a clock.

Rules:
- The watchdog lies outside of the machine that it watches: a firmware that hangs is killed, not asked.
- Killing is what a power cut is: nothing of the firmware runs on.
"""

import os
import selectors
import subprocess
import sys
import threading
import time
from enum import IntEnum
from pathlib import Path
from typing import Final

from shared.model.errors import DeviceError

SHIMS: Final = Path(__file__).with_name("shims")
HEAP: Final = "111wK"
"""Of the machine's word size, as much as an ESP32's heap has for Python."""
_PIPE_BYTES: Final = 4096
_LOOK_S: Final = 0.2


class Cause(IntEnum):
    """Why a board starts; the numbers of MicroPython on an ESP32."""

    POWER = 1
    RESET = 2
    WATCHDOG = 3
    SOFT = 5


def machine_64() -> Path:
    """Return the MicroPython of the environment."""
    return Path(sys.executable).with_name("micropython")


def machine_32() -> Path:
    """Return the MicroPython whose numbers are a board's; `make micropython` brings it."""
    return Path(sys.prefix) / "share/ventanilla/micropython/micropython"


class NoMachineError(DeviceError):
    """There is no MicroPython to run a virtual board on."""


class VirtualBoard:
    """One board.

    Args:
        flash: its file system.
        air: where its radio is, `host:port`; empty for none.
        machine: the MicroPython that it is.
        heap: as MicroPython's `heapsize`.
        chip: what its chip is numbered with.
        battery_clock_s: what its clock with a battery says now, in Unix seconds; None for none.

    Attributes:
        starts: why it started, each time.
        said: what it printed, in lines.
    """

    def __init__(
        self,
        flash: Path,
        air: str,
        *,
        machine: Path | None = None,
        heap: str = HEAP,
        chip: str = "virtual",
        battery_clock_s: int | None = None,
    ) -> None:
        self.flash = flash
        self.starts: list[Cause] = []
        self.said: list[str] = []
        self._air = air
        self._machine = machine or machine_64()
        self._heap = heap
        self._chip = chip
        self._battery = battery_clock_s is not None
        self._rtc = None if battery_clock_s is None else (float(battery_clock_s), time.monotonic())
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._off = threading.Event()
        self._dog_s: float | None = None
        self._unread = b""
        if not self._machine.exists():
            raise NoMachineError(f"there is no {self._machine}; run: make setup")

    def power_on(self) -> None:
        """Give it power; it stays on until `power_off`."""
        self._off.clear()
        self._keeper = threading.Thread(target=self._keep, name=f"board {self._chip}", daemon=True)
        self._keeper.start()

    def power_off(self) -> None:
        """Cut its power."""
        self._off.set()
        process = self._process
        if process:
            process.kill()
        if self._keeper:
            self._keeper.join()
        if not self._battery:
            self._rtc = None

    def _keep(self) -> None:
        cause = Cause.POWER
        while not self._off.is_set():
            cause = self._live(cause)

    def _live(self, cause: Cause) -> Cause:
        """Live from one start to the next; return why there is a next."""
        wires, far = os.pipe()
        told, spoken = os.pipe()
        self._dog_s, self._unread = None, b""
        command = [str(self._machine), "-X", f"heapsize={self._heap}", str(SHIMS / "power_on.py")]
        self._process = subprocess.Popen(
            command,
            env=self._environment(cause, far),
            pass_fds=(far,),
            stdin=subprocess.DEVNULL,
            stdout=spoken,
            stderr=spoken,
        )
        self.starts.append(cause)
        os.close(far)
        os.close(spoken)
        if self._off.is_set():
            self._process.kill()
        try:
            return self._attend(self._process, wires, told)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(wires)
            os.close(told)

    def _attend(self, process: subprocess.Popen[bytes], wires: int, told: int) -> Cause:
        with selectors.DefaultSelector() as watched:
            watched.register(wires, selectors.EVENT_READ)
            watched.register(told, selectors.EVENT_READ)
            spoken = b""
            while True:
                for key, _ in watched.select(_LOOK_S):
                    data = os.read(key.fd, _PIPE_BYTES)
                    if key.fd == told:
                        *lines, spoken = (spoken + data).split(b"\n")
                        self.said += [line.decode("utf-8", "replace") for line in lines]
                    elif self._wired(data):
                        return Cause.RESET
                    if not data:
                        watched.unregister(key.fd)
                if self._dog_s is not None and time.monotonic() > self._dog_s:
                    return Cause.WATCHDOG
                if process.poll() is not None and not watched.get_map():
                    return Cause.SOFT

    def _wired(self, data: bytes) -> bool:
        """Take what came over the wires; return whether the board asks for a reset."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            word, _, number = line.partition(b" ")
            match word:
                case b"feed":
                    self._dog_s = time.monotonic() + int(number) / 1000
                case b"rtc":
                    self._rtc = (float(number), time.monotonic())
                case b"reset":
                    return True
                case _:
                    pass
        return False

    def _environment(self, cause: Cause, wires: int) -> dict[str, str]:
        environment = {
            "BLE_AIR": self._air,
            "BOARD_CAUSE": str(int(cause)),
            "BOARD_CHIP": self._chip,
            "BOARD_FLASH": str(self.flash),
            "BOARD_WIRES": str(wires),
            "MICROPYPATH": f"{SHIMS}:.frozen",
            "PATH": "/usr/bin:/bin",
        }
        if self._rtc:
            unix_s, since_s = self._rtc
            environment["BOARD_RTC"] = str(int(unix_s + time.monotonic() - since_s))
        return environment
