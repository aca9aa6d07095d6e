"""Copies of the data, made, tried and put back, and what is said of them.

Rules: `backup` and `drill` never change the hub; `restore` works on a hub that is stopped, and keeps aside
what it replaces.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from hub.clock import now_ms
from hub.config import HubConfig
from hub.db.copies import Examined, Lacking, lacking
from hub.db.engine import sqlite_path
from hub.db.opening import reading
from hub.keys.room import KeyRoom
from hub.recovery.backup import make_backup
from hub.recovery.gap import Gap, find_gap
from hub.recovery.manifest import manifest_path
from hub.recovery.photographs import Photographs, look
from hub.recovery.restore import Prepared, prepared, put_in_place
from shared.adapters.durable_files import make_folder
from shared.model.errors import InputError, TransientError, VentanillaError
from shared.protocol import limits


def backup(config: HubConfig, target: Path) -> None:
    """Copy the database and prove the copy, also while the hub runs."""
    try:
        manifest = make_backup(config.database, target, now_ms())
        held = _photographs(config)
    except OSError as error:
        raise TransientError(
            f"the copy could not be made ({error.strerror}); look at the disk, then repeat"
        ) from error
    typer.echo(f"{target} holds the database ({manifest.bytes:,} bytes, {manifest.events:,} events).")
    typer.echo(f"{manifest_path(target)} says what it is; keep both together. The keys are not in it.")
    if held.present:
        typer.echo(
            f"{held.present:,} photographs ({held.present_bytes:,} bytes) are not in it either; "
            f"copy {config.attachments_dir} too, by any means."
        )
    if not manifest.balanced:
        typer.echo("The books in it do not balance, so they do not in the database: call the auditor.")


def drill(copy: Path, scratch: Path | None) -> None:
    """Prove that a copy can be restored, without touching any hub."""
    began_ms = now_ms()
    try:
        with (
            TemporaryDirectory(prefix="ventanilla-drill-", dir=scratch) as folder,
            prepared(copy, Path(folder)) as found,
        ):
            _tell(found)
    except OSError as error:
        raise TransientError(
            f"the drill needs room for the database ({error.strerror}); see --scratch"
        ) from error
    typer.echo(f"It can be restored; the drill took {(now_ms() - began_ms) / 1000:.1f} s.")


def restore(config: HubConfig, copy: Path) -> None:
    """Put a copy in the place of the database of a hub that is stopped, and say what follows."""
    database = sqlite_path(config.database)
    if database is None:
        raise InputError("this hub works on PostgreSQL; restore it with pg_restore, then start the hub")
    room = KeyRoom.open(config.keys_dir, config.key_copy_dir, clock=now_ms, count_start=False)
    try:
        make_folder(database.parent)
        with prepared(copy, database.parent) as found:
            _tell(found)
            lacks = _lacks(config, found.found)
            gap = find_gap(found.found, lacks, room.registry.devices(), now_ms())
            aside = put_in_place(found, database, now_ms())
        held = _photographs(config)
    except OSError as error:
        raise TransientError(
            f"the copy was not restored ({error.strerror}); look at the disk, then repeat"
        ) from error
    finally:
        room.close()
    typer.echo("Restored." if aside is None else f"Restored. What was there lies in {aside}.")
    _tell_gap(gap, found.found)
    _tell_photographs(held, config.attachments_dir)
    typer.echo("Next: ventanilla hub run")


def _photographs(config: HubConfig) -> Photographs:
    with reading(config.database) as connection:
        return look(connection, config.attachments_dir, now_ms())


def _lacks(config: HubConfig, found: Examined) -> Lacking | None:
    """Compare with the database that is there, if it can still be read."""
    try:
        with reading(config.database) as connection:
            return lacking(connection, found)
    except VentanillaError:
        return None


def _tell(copy: Prepared) -> None:
    found, until = copy.found, datetime.fromtimestamp(copy.found.until_ms / 1000, tz=UTC)
    typer.echo(f"The copy is whole: {found.events:,} events, {found.books.entries:,} entries that balance.")
    if found.incarnation:
        typer.echo(f"It reaches to {until:%Y-%m-%d %H:%M:%S} UTC (start {found.incarnation} of the hub).")
    else:
        typer.echo("No hub has run on it yet.")
    typer.echo(f"Its books: {found.books.journal_hash}")
    if copy.schema_before != found.schema:
        typer.echo(f"Its schema was {copy.schema_before}; it was brought up to {found.schema}.")
    if copy.replayed is not None:
        typer.echo(f"{copy.replayed.logs} logs were replayed, up to the last commit.")


def _tell_photographs(photographs: Photographs, folder: Path) -> None:
    if photographs.coming:
        typer.echo(
            f"{photographs.coming:,} photographs are not in {folder}: devices send them again by themselves."
        )
    if photographs.gone:
        days = limits.KEEP_WINDOW_MS // 86_400_000
        typer.echo(
            f"{photographs.gone:,} are not there and older than the {days} days that devices keep: "
            f"copy them back into {folder} if you have them."
        )


def _tell_gap(gap: Gap, copy: Examined) -> None:
    events = "an unknown number of" if gap.events is None else f"{gap.events:,}"
    time_lacking = f"{gap.hours:.1f} h and " if copy.incarnation else ""
    typer.echo(f"The copy lacks {time_lacking}{events} events; devices send them again by themselves.")
    for one in gap.uncovered:
        typer.echo(f"  {one.device}: {one.why}")
    if not gap.uncovered:
        typer.echo(
            "  Every device can cover it." if gap.events is not None else "  No device is known that cannot."
        )
    if gap.events is None:
        typer.echo("  What was there cannot be read, so lost disks of devices are not in this list.")
    if gap.decided:
        typer.echo(f"  {gap.decided:,} cases were closed by a clerk meanwhile; they are open again.")
    typer.echo("For 35 days every effect is looked for in the core before it is sent.")
