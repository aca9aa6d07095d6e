"""Real MicroPython, with numbers of 64 bits and with a board's: runs a program, gives what it said."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import ECB

from beacon_node.virtual_air.board import machine_32, machine_64

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests/support/on_a_board"
MACHINES = {"64 bits": machine_64, "32 bits": machine_32}
HEAP = "111wK"
END_S = 240


def machine(name: str) -> Path:
    """One of the two; a named skip where it is missing, a failure in CI."""
    path = MACHINES[name]()
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"MicroPython with {name} is missing: make micropython")
        pytest.skip(f"MicroPython with {name} is missing: make micropython")
    return path


def run(name: str, program: str, *arguments: str, heap: str = HEAP) -> list[str]:
    """Run a program of `tests/support/on_a_board`; return the lines that it printed and complained."""
    command = [str(machine(name)), "-X", f"heapsize={heap}", str(PROGRAMS / program), *arguments]
    environment = {"MICROPYPATH": f"{ROOT}:.frozen", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=END_S,
        text=True,
        check=False,
    )
    return ran.stdout.splitlines()


class Block:
    """AES of one block with OpenSSL, as `shared.beacon_wire.eid` wants it."""

    def __init__(self, key: bytes) -> None:
        self._encryptor = Cipher(AES128(key), ECB()).encryptor()  # noqa: S305 - the wire's own modes are built of it

    def encrypt(self, block: bytes | bytearray, into: bytearray | None = None) -> bytes:
        """Return the block; put it where it is wanted."""
        made = self._encryptor.update(bytes(block))
        if into is not None:
            into[:16] = made
        return made
