import asyncio
import socket
import time
from contextlib import suppress

from hub.core.exchange import ANSWER_BYTES_MAX, Answer, Endpoint, Exchange, Lost, NotSent, Outcome
from tests.support.scripted_http import Script, reply, scripted


def ask(script: Script, *, timeout_s: float = 2.0) -> Outcome:
    async def run() -> Outcome:
        async with scripted(script, timeout_s=timeout_s) as (endpoint, _):
            exchange = Exchange(endpoint, 1)
            try:
                return await exchange.post("/requests.json", b"a=1", {"content-type": "text/plain"})
            finally:
                await exchange.close()

    return asyncio.run(run())


def test_answer_is_its_status_body_and_pause() -> None:
    outcome = ask(lambda _: reply(429, "later", "retry-after: 9"))
    assert outcome == Answer(status=429, body=b"later", retry_after_s=9.0)


def test_closed_port_is_surely_not_sent() -> None:
    async def run() -> Outcome:
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
        exchange = Exchange(Endpoint(base_url=f"http://127.0.0.1:{port}"), 1)
        try:
            return await exchange.post("/requests.json", b"", {})
        finally:
            await exchange.close()

    assert isinstance(asyncio.run(run()), NotSent)


def test_connection_closed_without_an_answer_is_in_doubt() -> None:
    assert isinstance(ask(lambda _: None), Lost)


def test_answer_cut_short_is_in_doubt() -> None:
    assert isinstance(ask(lambda _: b"HTTP/1.1 201 X\r\ncontent-length: 90\r\n\r\n[", timeout_s=0.2), Lost)


def test_bytes_that_are_no_http_are_in_doubt() -> None:
    assert isinstance(ask(lambda _: b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n"), Lost)


def test_answer_longer_than_the_limit_is_not_read_to_its_end() -> None:
    size = ANSWER_BYTES_MAX + 1
    outcome = ask(lambda _: b"HTTP/1.1 200 X\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
    assert isinstance(outcome, Lost)
    assert "longer" in outcome.reason


def test_core_that_drips_is_left_at_the_deadline() -> None:
    """Each byte resets a time-out between bytes; the deadline of the whole exchange it does not."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 100000\r\n\r\n")
        never = asyncio.Event()
        while not writer.is_closing():
            writer.write(b"x")
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.05)

    async def run() -> tuple[Outcome, float]:
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        exchange = Exchange(Endpoint(base_url=f"http://127.0.0.1:{port}", timeout_s=0.3), 1)
        began_s = time.monotonic()
        outcome = await exchange.get("/requests.json")
        took_s = time.monotonic() - began_s
        await exchange.close()
        server.close()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=1)
        return outcome, took_s

    outcome, took_s = asyncio.run(run())
    assert isinstance(outcome, Lost)
    assert took_s < 2.0


def test_redirect_is_not_followed() -> None:
    outcome = ask(lambda _: reply(302, "", "location: http://127.0.0.1:1/"))
    assert isinstance(outcome, Answer)
    assert outcome.status == 302


def test_key_of_an_endpoint_is_not_in_its_representation() -> None:
    assert "hush" not in repr(Endpoint(base_url="http://core", api_key="hush"))
