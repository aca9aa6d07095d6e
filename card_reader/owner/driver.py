"""The driver's keys: a Unix socket in the device's folder, one JSON line asked, one answered.

    {"do":"passengers","count":3}   {"do":"clear"}   {"do":"free_ride","reason":"escolar"}
    {"do":"trip","line":4,"stop":12,"zone":1}        {"do":"cancel"}   {"do":"status"}

An answer is what became of it, or `{"error":"…"}` with a sentence.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from shared.edge.served_socket import ServedSocket, call
from shared.model.errors import InputError, TransientError, VentanillaError
from shared.protocol.parsing import encode, parse_object

_NAME: Final = "driver.sock"


class NoTerminalError(TransientError):
    """No card terminal answers on this device; start it with `ventanilla reader run`, and try again."""


class DriverSocket(ServedSocket):
    """Answers until it is closed.

    Args:
        folder: where the socket lies.
        act: does what is asked, and says what became of it; may raise VentanillaError.
    """

    def __init__(self, folder: Path, act: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        def answer(line: bytes) -> Mapping[str, Any]:
            try:
                return act(parse_object(line))
            except VentanillaError as error:
                return {"error": str(error)}

        super().__init__(folder / _NAME, "driver", answer, hears=True)


def ask_driver(folder: Path, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask the terminal that runs on a device.

    Args:
        folder: where its socket lies.
        asked: what is to be done.

    Raises:
        NoTerminalError: none answers.
        InputError: it does not do that; its sentence says why.
    """
    try:
        answer = call(folder / _NAME, encode(asked) + b"\n")
    except (OSError, InputError) as error:
        raise NoTerminalError(NoTerminalError.__doc__) from error
    if "error" in answer:
        raise InputError(str(answer["error"]))
    return answer
