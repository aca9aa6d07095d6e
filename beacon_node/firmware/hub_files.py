"""Files that a node fetches of its hub over HTTPS, from an offset on: one connection for each.

    body = await Files(url, device, up_key, context).get("/device/firmware/esp32/12", 4096)

Rules:
- What is asked for stands under the node's MAC, as every device's question does.
- Nothing is held but a chunk, whatever the hub sends; the head of an answer has 2 KiB at most.

Source: RFC 9110, section 14 (ranges); docs/PROTOCOL.md, section Bundles.
"""

import asyncio

from beacon_node.firmware.mac import mac_line
from beacon_node.firmware.manifest import RefusedError

ANSWER_S = 20
"""Between two pieces of an answer, TLS included."""
HEAD_BYTES_MAX = 2048
_OK, _NOTHING, _PART = 200, 204, 206


class Body:
    """What the hub gives.

    Attributes:
        left: bytes that are still to come.
        total: of the whole file.
    """

    def __init__(self, reader, writer, left: int, total: int) -> None:
        self.left = left
        self.total = total
        self._reader = reader
        self._writer = writer

    async def read(self, size: int) -> bytes:
        """Return the next bytes, at most so many; none at the end.

        Raises:
            OSError: the hub broke off.
        """
        wanted = min(size, self.left)
        if not wanted:
            return b""
        chunk = await _in_time(self._reader.read(wanted))
        if not chunk:
            raise OSError("the hub broke off")
        self.left -= len(chunk)
        return chunk

    async def close(self) -> None:
        """Let go of the connection."""
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except OSError:
            pass


class Files:
    """One hub, as one node asks it.

    Args:
        url: of the hub.
        device: who asks.
        up_key: its key.
        context: for TLS; None for a hub in the clear (tests on one machine).
    """

    def __init__(self, url: str, device: str, up_key: bytes, context) -> None:
        self._host, _, port = url.partition("://")[2].rstrip("/").rpartition(":")
        self._port = int(port)
        self._device = device
        self._up_key = up_key
        self._context = context

    async def get(self, path: str, offset: int = 0) -> "Body | None":
        """Ask for a file from an offset on; None where there is nothing.

        Raises:
            OSError: the hub is not there, or does not give it.
            RefusedError: it says another length than it has.
        """
        more = {} if self._context is None else {"ssl": self._context, "server_hostname": self._host}
        reader, writer = await _in_time(asyncio.open_connection(self._host, self._port, **more))
        given = None
        try:
            line = mac_line(self._up_key, "GET " + path, b"\n").decode()
            writer.write(_request(self._host, path, self._device + " " + line, offset))
            await writer.drain()
            status, length, range_ = _head(await _in_time(_read_head(reader)))
            if status == _NOTHING:
                return None
            if status != (_PART if offset else _OK):
                raise OSError("the hub answered %d" % status)
            if length < 0 or (offset and not range_.startswith("bytes %d-" % offset)):
                raise RefusedError("the hub says another length than it has")
            given = Body(reader, writer, length, offset + length)
            return given
        finally:
            if given is None:
                await Body(reader, writer, 0, 0).close()


async def _in_time(asked):
    try:
        return await asyncio.wait_for(asked, ANSWER_S)
    except asyncio.TimeoutError:
        raise OSError("the hub does not answer in time")


def _request(host: str, path: str, shown: str, offset: int) -> bytes:
    range_ = "Range: bytes=%d-\r\n" % offset if offset else ""
    form = "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: VT1-MAC %s\r\n%sConnection: close\r\n\r\n"
    return (form % (path, host, shown, range_)).encode()


async def _read_head(reader) -> bytes:
    head = bytearray()
    while head[-4:] != b"\r\n\r\n":
        if len(head) == HEAD_BYTES_MAX:
            raise OSError("the hub's answer is none")
        byte = await reader.read(1)
        if not byte:
            raise OSError("the hub broke off")
        head += byte
    return bytes(head)


def _head(head: bytes) -> tuple:
    """Return status, length (-1 where none is said) and range of an answer."""
    length, range_ = -1, ""
    try:
        lines = head.decode().split("\r\n")
        status = int(lines[0].split(" ")[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value.strip())
            elif name.lower() == "content-range":
                range_ = value.strip()
    except (ValueError, IndexError):
        raise OSError("the hub's answer is none")
    return status, length, range_
