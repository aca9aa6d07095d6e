"""A firmware that the hub offers: fetched into the other slot, checked, put on trial.

    offer -> /offer, signature and rules -> /<slot>/manifest -> files, each whole before it has its name
          -> all of them read again -> trial at the next start (`boot`, `slots`)

Rules:
- Nothing of an offer counts before its signature held. The hub cannot sign; it can only withhold.
- A sequence rises, and one that was given up is not tried again. `/minimum` is the highest minimum that the
  town ever signed: what lies below is taken no more, whoever offers it.
- The slot that runs is not touched; while a firmware is on trial, neither slot is.
- A cut costs the chunk that was under way, a power cut the file. What lies there counts by its hash alone.

Not here: what a trial is (`boot`), when it is confirmed (`link`).

Source: docs/BEACON.md, section Firmware over the air.
"""

import asyncio
import os

from beacon_node.firmware import boot, manifest, slots
from beacon_node.firmware import constants as c
from beacon_node.firmware.manifest import CHUNK, RefusedError

OFFER = "/offer"
PART = "/part"
MINIMUM = "/minimum"
_FULL = 28
_SPARE_BLOCKS = 12
_FOLDER = 0x4000


async def take(files, board: str, now_s: int, moved) -> "int | None":
    """Take what the hub offers this board, if it offers something.

    Args:
        files: gives what the hub has, `hub_files.Files`.
        board: which this is.
        now_s: the hub's time.
        moved: called with every chunk.

    Returns:
        The sequence that is on trial from the next start on; None where nothing is offered.

    Raises:
        RefusedError: it is not taken; the words say why.
        OSError: the way to the hub broke; asked again, it goes on where it was.
    """
    try:
        return await _take(files, board, now_s, moved)
    except OSError as error:
        if error.args and error.args[0] == _FULL:
            _empty("/" + slots.other())
            raise RefusedError("the flash is full")
        raise


def running() -> int:
    """Return the running firmware's sequence; 0 of one that came by cable."""
    found = manifest.read("/" + slots.running() + manifest.NAME)
    return 0 if found is None else found.sequence


async def _take(files, board: str, now_s: int, moved) -> "int | None":
    if boot.read()["trial"]:
        raise RefusedError("another firmware is on trial")
    body = await files.get("%s/offer?board=%s&sequence=%d" % (c.FIRMWARE_PATH, board, running()))
    if body is None:
        return None
    try:
        await _keep(body, moved)
    finally:
        await body.close()
    offer = manifest.opened(OFFER)
    _check(offer, board, now_s)
    slot = "/" + slots.other()
    _lay_out(slot, offer)
    await _fill(files, slot, offer, moved)
    for name, size, digest in offer.files():
        await asyncio.sleep(0)  # the air goes on
        moved()
        if not _is_whole(slot + "/" + name, size, digest):
            raise RefusedError("a file of it is spoilt")
    slots.begin(slot[1:], offer.sequence)
    return offer.sequence


async def _keep(body, moved) -> None:
    if body.total > c.FIRMWARE_MANIFEST_BYTES_MAX:
        raise RefusedError("its manifest is malformed")
    with open(OFFER, "wb") as file:
        while body.left:
            file.write(await body.read(CHUNK))
            moved()


def _check(offer, board: str, now_s: int) -> None:
    """See whether a firmware of the town is one for this node now.

    Raises:
        RefusedError: it is not.
    """
    if offer.board != board:
        raise RefusedError("it is for another board")
    lowest = _lowest()
    if offer.minimum > lowest:
        _write_lowest(offer.minimum)
    if offer.sequence < lowest:
        raise RefusedError("it is below the minimum")
    if now_s > offer.expires_s:
        raise RefusedError("it has expired")
    if slots.is_refused(offer.sequence):
        raise RefusedError("it was tried and given up")
    if offer.sequence <= running():
        raise RefusedError("it is not newer than what runs")


def _lay_out(slot: str, offer) -> None:
    """Make the slot the offer's: go on with what lies there of it, or empty it."""
    if not _is_same(OFFER, slot + manifest.NAME):
        _empty(slot)
        _check_room(offer)
        _folders(slot + manifest.NAME)
        os.rename(OFFER, slot + manifest.NAME)
    else:
        os.remove(OFFER)
    offer.lies(slot + manifest.NAME)


def _check_room(offer) -> None:
    """See that there is room for everything: each file rounded up, folders, and the ring."""
    stand = os.statvfs("/")
    if stand[0] * (stand[3] - offer.count - _SPARE_BLOCKS) < offer.size:
        raise OSError(_FULL)


async def _fill(files, slot: str, offer, moved) -> None:
    """Fetch what is missing, from the first file on that is not whole."""
    whole = offset = 0
    for name, size, digest in offer.files():
        await asyncio.sleep(0)  # the air goes on
        moved()
        if not _is_whole(slot + "/" + name, size, digest):
            if _size(slot + PART) >= size:
                _remove(slot + PART)  # it is of another file
            break
        whole += 1
        offset += size
    else:
        return
    path = "%s/%s/%d" % (c.FIRMWARE_PATH, offer.board, offer.sequence)
    body = await files.get(path, offset + _size(slot + PART))
    if body is None:
        raise OSError("the hub has taken it back")
    try:
        if body.total != offer.size:
            _remove(slot + PART)
            raise RefusedError("the hub says another length than it has")
        for name, size, digest in offer.files():
            if whole:
                whole -= 1
            else:
                await _fetch(body, slot, name, size, digest, moved)
    finally:
        await body.close()


async def _fetch(body, slot: str, name: str, size: int, digest: bytes, moved) -> None:
    part = slot + PART
    with open(part, "ab"):
        pass
    so_far, done = manifest.hashed(part)
    if done < size:
        with open(part, "ab") as file:
            while done < size:
                chunk = await body.read(min(CHUNK, size - done))
                if not chunk:
                    raise OSError("the hub broke off")
                so_far.update(chunk)
                file.write(chunk)
                done += len(chunk)
                moved()
    if done > size or so_far.digest() != digest:
        os.remove(part)
        raise RefusedError("a file of it is spoilt")
    _folders(slot + "/" + name)
    os.rename(part, slot + "/" + name)


def _is_whole(path: str, size: int, digest: bytes) -> bool:
    if _size(path) != size:
        return False
    try:
        return manifest.hashed(path)[0].digest() == digest
    except OSError:
        return False


def _is_same(path: str, other: str) -> bool:
    if _size(path) != _size(other):
        return False
    return manifest.hashed(path)[0].digest() == manifest.hashed(other)[0].digest()


def _lowest() -> int:
    try:
        with open(MINIMUM) as file:
            return int(file.read(16))
    except (OSError, ValueError):
        return 0


def _write_lowest(minimum: int) -> None:
    with open(MINIMUM + ".new", "w") as file:
        file.write(str(minimum))
    os.rename(MINIMUM + ".new", MINIMUM)


def _size(path: str) -> int:
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass


def _empty(folder: str) -> None:
    """Take everything out of a folder, the manifest first: what is left is then nothing that was signed."""
    _remove(folder + manifest.NAME)
    try:
        found = [each[:2] for each in os.ilistdir(folder)]
    except OSError:
        return
    for name, kind in found:
        path = folder + "/" + name
        if kind == _FOLDER:
            _empty(path)
            os.rmdir(path)
        else:
            os.remove(path)


def _folders(path: str) -> None:
    """Make the folders above a file."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass  # it is there; if not, opening the file says so
        at = path.find("/", at + 1)
