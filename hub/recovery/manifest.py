"""What stands beside a backup: which hub software made it, when, how far it reaches, and its fingerprint.

`hub.db` has `hub.db.json`. A copy without one (made by `cp`, say) can be restored all the same; then only its
own content speaks for it.
"""

import json
from dataclasses import asdict, dataclass, fields
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final, cast

from hub.db.copies import CopyRefusedError
from shared.adapters.durable_files import write_whole

FORMAT: Final = 1
SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A backup's own word on itself.

    Attributes:
        format: of this file.
        version: of the software that made the backup.
        schema: of the database.
        made_ms: when, by the hub's clock.
        bytes: the backup's size.
        sha256: its fingerprint.
        incarnation: the last life of the hub that it knows.
        beat: that life's last beat.
        until_ms: when that was.
        events: events that were taken.
        entries: entries in the books.
        journal_hash: names the books' content; see `ventanilla hub audit`.
        balanced: whether the books balanced.
    """

    format: int
    version: str
    schema: str
    made_ms: int
    bytes: int
    sha256: str
    incarnation: int
    beat: int
    until_ms: int
    events: int
    entries: int
    journal_hash: str
    balanced: bool


def manifest_path(copy: Path) -> Path:
    """Return where a copy's manifest lies."""
    return copy.with_name(copy.name + SUFFIX)


def write_manifest(copy: Path, manifest: Manifest) -> None:
    """Write a manifest beside its copy.

    Raises:
        OSError: the disk is full or missing.
    """
    write_whole(manifest_path(copy), json.dumps(asdict(manifest), indent=2).encode() + b"\n")


def read_manifest(copy: Path) -> Manifest | None:
    """Return what stands beside a copy; None where nothing does.

    Raises:
        CopyRefusedError: it is not a manifest, or of a newer hub.
        OSError: it cannot be read.
    """
    path = manifest_path(copy)
    if not path.is_file():
        return None
    try:
        members = cast("dict[str, Any]", json.loads(path.read_bytes()))
        known = {field.name: field.type for field in fields(Manifest)}
        if members["format"] > FORMAT:
            raise CopyRefusedError(f"{path} is of a newer hub; install that version, then repeat")
        values = {name: members[name] for name in known}
        if any(type(values[name]) is not kind for name, kind in known.items()):
            raise TypeError(path.name)
    except (ValueError, KeyError, TypeError) as error:
        raise CopyRefusedError(
            f"{path} is not a backup's manifest; remove it to judge the copy by its content"
        ) from error
    return Manifest(**values)


def fingerprint(path: Path) -> str:
    """Return a file's SHA-256.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
