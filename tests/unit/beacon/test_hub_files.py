"""A node fetches files of a hub that answers byte for byte what the test says."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from beacon_node.firmware.hub_files import HEAD_BYTES_MAX, Files
from beacon_node.firmware.manifest import RefusedError
from beacon_node.firmware.updates import Updates
from shared.protocol.bundle import check_authorization
from shared.protocol.keys import derive
from tests.simulation.device import secret_of

UP = derive(secret_of("beacon-3")).up
BODY = bytes(range(200)) * 10


def asked(answer: bytes, use: Callable[[Files], Any]) -> tuple[Any, list[bytes]]:
    """What comes of asking a hub that gives this answer; and what it was asked."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    async def go() -> Any:  # noqa: ANN401  whatever the test asks
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            files = Files(f"https://127.0.0.1:{port}", "beacon-3", UP.key, None)
            return await use(files)

    return asyncio.run(go()), requests


async def whole(files: Files, offset: int = 0) -> bytes | None:
    """Everything from an offset on."""
    body = await files.get("/device/firmware/esp32/12", offset)
    if body is None:
        return None
    found = b""
    try:
        while body.left:
            found += await body.read(512)
    finally:
        await body.close()
    return found


def reply(status: int, body: bytes, *headers: str) -> bytes:
    """An answer in the right form."""
    return "\r\n".join([f"HTTP/1.1 {status} X", *headers, "", ""]).encode() + body


def length(size: int) -> str:
    """How long the answer says that it is."""
    return f"Content-Length: {size}"


def test_file_comes_whole_or_from_an_offset_on_and_is_asked_for_under_the_mac() -> None:
    found, (request,) = asked(reply(200, BODY, length(len(BODY))), whole)
    assert found == BODY
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /device/firmware/esp32/12 HTTP/1.1"
    shown = next(line.partition(": ")[2] for line in lines if line.startswith("Authorization"))
    assert check_authorization(shown, "/device/firmware/esp32/12", lambda _: {UP.id: UP.key}) == "beacon-3"
    assert not any(line.startswith("Range") for line in lines)
    part = reply(206, BODY[600:], length(1_400), "content-range: bytes 600-1999/2000")
    found, (request,) = asked(part, lambda files: whole(files, 600))
    assert found == BODY[600:]
    assert b"\r\nRange: bytes=600-\r\n" in request
    assert asked(reply(204, b""), whole)[0] is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"\xff\xfe\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        reply(200, BODY, "Content-Length: many"),
        reply(200, BODY, "X: " + "x" * HEAD_BYTES_MAX),
        reply(403, b"{}", length(2)),
        reply(404, b"{}", length(2)),
        reply(500, b"{}", length(2)),
        reply(301, b"", "Location: https://elsewhere", length(0)),
        reply(206, BODY, length(len(BODY)), "Content-Range: bytes 0-1999/2000"),
        reply(200, BODY[:-1], length(len(BODY))),
    ],
)
def test_answer_that_is_none_or_breaks_off_is_a_fault_of_the_way(answer: bytes) -> None:
    with pytest.raises(OSError, match="the hub"):
        asked(answer, whole)


@pytest.mark.parametrize(
    ("answer", "offset"),
    [
        (reply(200, BODY), 0),
        (reply(200, BODY, length(-1)), 0),
        (reply(206, BODY, length(10)), 600),
        (reply(206, BODY, length(10), "Content-Range: bytes 0-9/2000"), 600),
        (reply(206, BODY, length(10), "Content-Range: bytes 6000-6009/9000"), 600),
    ],
)
def test_length_that_is_a_lie_is_refused(answer: bytes, offset: int) -> None:
    with pytest.raises(RefusedError, match="length"):
        asked(answer, lambda files: whole(files, offset))


def test_whole_file_in_the_place_of_a_part_is_not_taken() -> None:
    with pytest.raises(OSError, match="200"):
        asked(reply(200, BODY, length(len(BODY))), lambda files: whole(files, 600))


def test_pause_after_a_cut_grows() -> None:
    clock = SimpleNamespace(trusted=True, unix_s=lambda: 0)
    node = SimpleNamespace(board={"board": "esp32"}, clock=clock, guard=None)
    me = SimpleNamespace(device="beacon-3", up_key=UP.key)
    updates = Updates("https://127.0.0.1:1", me, node, lambda: None)
    said: list[object] = []
    now_ms, waits = 0, list[int]()
    for _ in range(8):
        asyncio.run(updates.run(lambda *line: said.append(line), now_ms))
        at_ms = now_ms
        while not updates.due(at_ms):
            at_ms += 500
        waits.append(at_ms - now_ms)
        now_ms = at_ms
    assert waits[-1] > 10 * waits[0]
    assert not said
