"""A firmware made ready for nodes: built for a board, signed by the town, looked at again.

    <folder>/manifest        the manifest; signed, once it is
    <folder>/files/…         what it names

Built twice of the same sources, it is the same bytes.
"""

import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from beacon_node import image
from shared.adapters.durable_files import make_folder, write_whole
from shared.model.errors import InputError
from shared.protocol import firmware
from shared.protocol.firmware import FirmwareError, FirmwareFile, Manifest

MANIFEST: Final = "manifest"
FILES: Final = "files"
BOARDS: Final = image.FIRMWARE / "boards"
PUBLIC_ENDING: Final = ".keys"


def boards() -> dict[str, str]:
    """Return the boards that there is a firmware for: what they call themselves, and their title."""
    found = [tomllib.loads(path.read_text()) for path in sorted(BOARDS.glob("*.toml"))]
    return {one["node"]["board"]: one["title"] for one in found}


def build(into: Path, *, board: str, sequence: int, minimum: int, version: str, expires_s: int) -> Manifest:
    """Compile the firmware into a folder, with a manifest that nobody has signed yet.

    Args:
        into: an empty or missing folder.
        board: of `boards`.
        sequence: its number, above every one before.
        minimum: nodes take nothing of a lower number from then on.
        version: for people.
        expires_s: Unix seconds; later no node begins to take it.

    Raises:
        InputError: the folder is not empty, there is no such board, or a source is not MicroPython.
    """
    if board not in boards():
        raise InputError(f"there is no board {board}; there are {', '.join(boards())}")
    if into.exists() and any(into.iterdir()):
        raise InputError(f"{into} is not empty; name another folder")
    make_folder(into)
    names = image.build(into / FILES)
    made = Manifest(
        board=board,
        sequence=sequence,
        minimum=minimum,
        version=version,
        expires_s=expires_s,
        files=tuple(_described(into / FILES, name) for name in names),
    )
    write_whole(into / MANIFEST, made.unsigned())
    return made


def sign(folder: Path, key: RSAPrivateKey) -> Manifest:
    """Sign a firmware that was built, after looking whether its files are those of its manifest.

    Raises:
        FirmwareError: they are not, or it is signed already.
    """
    unsigned = (folder / MANIFEST).read_bytes()
    made = Manifest.parse(unsigned)
    firmware.check_body(made, body(folder, made))
    firmware.modulus(key.public_key())
    write_whole(folder / MANIFEST, firmware.sign(unsigned, key))
    return made


def verify(folder: Path, keys: Sequence[RSAPublicKey]) -> Manifest:
    """Look at a signed firmware as a node does.

    Raises:
        FirmwareError: none of these keys signed it, or a file is another.
    """
    made = firmware.verify((folder / MANIFEST).read_bytes(), keys)
    firmware.check_body(made, body(folder, made))
    return made


def body(folder: Path, made: Manifest) -> bytes:
    """Return the bytes of all files, one after the other.

    Raises:
        FirmwareError: one is missing.
    """
    try:
        return b"".join((folder / FILES / file.name).read_bytes() for file in made.files)
    except OSError as error:
        raise FirmwareError(
            f"a file of the firmware cannot be read ({error.strerror}); build it again"
        ) from error


def make_key(path: Path, password: bytes) -> RSAPrivateKey:
    """Draw a key for firmware, and write it beside what nodes are given of it (`<path>.keys`).

    Args:
        path: of the private key, PEM; not there yet.
        password: closes the file; empty for a file that lies in a safe.

    Raises:
        InputError: there is a file already.
    """
    if path.exists():
        raise InputError(f"{path} is there already; a key is never written over, name another file")
    key = generate_private_key(firmware.EXPONENT, firmware.KEY_BITS)
    closed = BestAvailableEncryption(password) if password else NoEncryption()
    write_whole(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    write_whole(path.with_name(path.name + PUBLIC_ENDING), firmware.modulus(key.public_key()))
    return key


def load_key(path: Path, password: bytes) -> RSAPrivateKey:
    """Read a key for firmware.

    Raises:
        InputError: it is none, or the password is another.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password or None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no key, or its password is another; look at both") from error
    if not isinstance(key, RSAPrivateKey):
        raise InputError(f"{path} is another kind of key; make one with `ventanilla beacon firmware key`")
    return key


def _described(folder: Path, name: str) -> FirmwareFile:
    content = (folder / name).read_bytes()
    return FirmwareFile(name=name, size=len(content), sha256=sha256(content).hexdigest())
