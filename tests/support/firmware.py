"""Firmwares of tests: small ones that are signed, and a node in a machine that takes them."""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from shared.protocol import firmware
from shared.protocol.firmware import FirmwareFile, Manifest
from tests.support.micropython import run

NOW_S = 1_795_293_730
BOARD = "esp32"


def town_key(name: str = "town") -> RSAPrivateKey:
    """A key, drawn once for a run; others by other names."""
    return _drawn(name)


@cache
def _drawn(_name: str) -> RSAPrivateKey:
    return generate_private_key(firmware.EXPONENT, firmware.KEY_BITS)


def parts(sizes: Sequence[int] = (1_500, 700, 0, 2_100)) -> dict[str, bytes]:
    """Files of these sizes, as they lie in a slot."""
    return {
        f"beacon_node/firmware/f{number}.mpy": (bytes([65 + number]) * size)
        for number, size in enumerate(sizes)
    }


def manifest(files: dict[str, bytes], sequence: int = 12, **said: str | int) -> Manifest:
    """A manifest of files."""
    described = tuple(
        FirmwareFile(name=name, size=len(content), sha256=sha256(content).hexdigest())
        for name, content in files.items()
    )
    plain = {"board": BOARD, "minimum": 0, "version": "0.2.0", "expires_s": NOW_S + 86_400}
    merged: dict[str, Any] = {**plain, **said}
    return Manifest(**merged, sequence=sequence, files=described)


class Shelf:
    """What lies ready for a machine.

    Args:
        folder: of the test.
        keys: that the node was given.
    """

    def __init__(self, folder: Path, keys: Sequence[RSAPrivateKey] = ()) -> None:
        self.folder = folder
        self.steps: list[dict[str, Any]] = []
        moduli = (firmware.modulus(key.public_key()) for key in keys or (town_key(),))
        (folder / "keys").write_bytes(b"".join(moduli))

    def offer(self, signed: bytes | None, body: bytes, **step: object) -> None:
        """Let the hub offer this at the next asking."""
        number = len(self.steps)
        (self.folder / f"b{number}").write_bytes(body)
        if signed is not None:
            (self.folder / f"m{number}").write_bytes(signed)
        named = {"manifest": f"m{number}" if signed is not None else None, "body": f"b{number}"}
        self.steps.append({"board": BOARD, "now_s": NOW_S, **named, **step})

    def offer_signed(self, sequence: int = 12, **step: object) -> None:
        """Let the hub offer a right firmware."""
        files = parts()
        signed = firmware.sign(manifest(files, sequence).unsigned(), town_key())
        self.offer(signed, b"".join(files.values()), **step)

    def lines(self, machine: str) -> list[str]:
        """Let a node ask once for each; what the machine printed."""
        (self.folder / "steps").write_text(json.dumps(self.steps))
        return run(machine, "taking.py", str(self.folder), heap="6M")

    def taken(self, machine: str = "64 bits") -> list[dict[str, Any]]:
        """The same, as what came of each."""
        lines = self.lines(machine)
        found = [json.loads(line) for line in lines if line.startswith("{")]
        assert len(found) == len(self.steps), lines
        return found
