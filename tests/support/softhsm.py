"""A PKCS#11 token of software, made ready for one test: what an HSM is to the hub."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pkcs11

from hub.keys.token import Token
from tests.support.programs import find_program

LABEL = "ventanilla"
PIN = "4711"
SETTINGS = "SOFTHSM2_CONF"


@dataclass(frozen=True)
class SoftToken:
    """The token, and what may befall it."""

    module: Path
    folder: Path

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def vault(self, label: str = LABEL) -> Token:
        return Token(self.module, label, self.pin_file)

    def write_pin(self, pin: str) -> None:
        other = self.folder / "pin.new"
        other.touch(0o600)
        other.write_text(f"{pin}\n")
        other.replace(self.pin_file)

    def take_away(self) -> None:
        (self.folder / "tokens").rename(self.folder / "away")

    def bring_back(self) -> None:
        (self.folder / "away").rename(self.folder / "tokens")

    def end_sessions(self) -> None:
        """As a token does that was reset, or a network that was cut."""
        pkcs11.lib(str(self.module)).reinitialize()

    def flags(self) -> int:
        return int(pkcs11.lib(str(self.module)).get_token(token_label=LABEL).flags)


@contextmanager
def soft_token(folder: Path) -> Iterator[SoftToken]:
    """A token of one's own in a folder; a process has one at a time."""
    module, program = find_program("libsofthsm2.so"), find_program("softhsm2-util")
    assert module is not None, "mark the test with requires('softhsm2-util')"
    assert program is not None, "mark the test with requires('softhsm2-util')"
    (folder / "tokens").mkdir(parents=True)
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ[SETTINGS] = str(settings)
    token = SoftToken(module, folder)
    token.write_pin(PIN)
    try:
        subprocess.run(
            [program, "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "20261123"],
            check=True,
            capture_output=True,
        )
        yield token
    finally:
        pkcs11.unload(str(module))
        del os.environ[SETTINGS]
