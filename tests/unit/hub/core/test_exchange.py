import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from hub.core.connection import ANSWER_BYTES_MAX
from hub.core.exchange import Answer, Endpoint, Exchange, Lost, NotSent, Outcome
from shared.model.errors import InputError
from tests.support.scripted_http import Script, reply, scripted


def ask(script: Script, *, timeout_s: float = 2.0) -> Outcome:
    async def run() -> Outcome:
        async with scripted(script, timeout_s=timeout_s) as (endpoint, _):
            exchange = Exchange(endpoint)
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
        exchange = Exchange(Endpoint(base_url=f"http://127.0.0.1:{port}"))
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
    assert "TooLong" in outcome.reason


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
        exchange = Exchange(Endpoint(base_url=f"http://127.0.0.1:{port}", timeout_s=0.3))
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


def ask_twice(script: Script, *, hangs_up: bool = False) -> list[int]:
    """The caller's ports of two questions, one after the other."""

    async def run() -> list[int]:
        async with scripted(script, hangs_up=hangs_up) as (endpoint, heard):
            exchange = Exchange(endpoint)
            for _ in range(2):
                outcome = await exchange.get("/requests.json", [("page", "1"), ("q", "á b")])
                assert isinstance(outcome, Answer)
                for _ in range(50):
                    await asyncio.sleep(0)  # the event loop's turns in which a hang-up arrives
            await exchange.close()
            assert heard[0].query == {"page": "1", "q": "á b"}
            return [request.peer for request in heard]

    return asyncio.run(run())


def test_connection_is_kept_for_the_next_question() -> None:
    first, second = ask_twice(lambda _: reply(200, "[]"))
    assert first == second


def test_connection_that_the_core_closes_is_not_used_again() -> None:
    first, second = ask_twice(lambda _: reply(200, "[]", "connection: close"))
    assert first != second


def test_connection_that_the_core_closed_without_a_word_is_not_used_again() -> None:
    first, second = ask_twice(lambda _: reply(200, "[]"), hangs_up=True)
    assert first != second


def test_answer_in_chunks_after_a_provisional_one_is_read_whole() -> None:
    chunked = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    outcome = ask(lambda _: b"HTTP/1.1 103 X\r\n\r\n" + chunked)
    assert outcome == Answer(status=200, body=b"abcde", retry_after_s=None)


@pytest.mark.parametrize("trusted", [True, False])
def test_core_behind_tls_is_asked_only_if_it_is_the_one_that_we_trust(
    tmp_path: Path, *, trusted: bool
) -> None:
    authority = trustme.CA()
    known = authority if trusted else trustme.CA()
    known.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def run() -> tuple[Outcome, int]:
        async with scripted(lambda _: reply(200, "[]"), authority=authority) as (endpoint, heard):
            exchange = Exchange(replace(endpoint, ca_file=tmp_path / "ca.pem"))
            outcome = await exchange.get("/requests.json")
            await exchange.close()
            return outcome, len(heard)

    outcome, heard = asyncio.run(run())
    assert isinstance(outcome, Answer if trusted else NotSent)
    assert heard == trusted


@pytest.mark.parametrize("address", ["", "core.example", "ftp://core.example", "http://"])
def test_address_that_cannot_be_asked_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(InputError, match="address"):
        Exchange(Endpoint(base_url=address))
