"""A picture at a core: from its own address alone, whatever a row says."""

import asyncio

import pytest

from hub.core.exchange import Endpoint
from hub.core.open311_updates import NotToldError, Updates, read_word
from tests.support.scripted_http import Heard, reply, scripted


def fetch(status: int, path: str = "/repairs/4.jpg?v=2") -> tuple[bytes | None, list[Heard]]:
    async def scene() -> tuple[bytes | None, list[Heard]]:
        async with scripted(lambda _: reply(status, "JPEG"), timeout_s=0.5) as (endpoint, heard):
            source = Updates(endpoint, "")
            try:
                return await source.picture(endpoint.base_url + path), heard
            finally:
                await source.close()

    return asyncio.run(scene())


@pytest.mark.sentence("Q-5")
def test_picture_of_the_core_s_own_is_fetched_under_its_very_address() -> None:
    content, (question,) = fetch(200)
    assert content == b"JPEG"
    assert (question.method, question.path, question.query) == ("GET", "/repairs/4.jpg", {"v": "2"})


def test_picture_that_is_not_there_is_none_and_a_core_that_fails_is_asked_later() -> None:
    assert fetch(404)[0] is None
    with pytest.raises(NotToldError):
        fetch(503)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x.jpg",
        "https://core.example.org.evil.example/x.jpg",
        "https://core.example.org@evil.example/x.jpg",
        "file:///etc/passwd",
        "//core.example.org/x.jpg",
        "https://core.example.org",
    ],
)
def test_picture_anywhere_else_is_never_asked_for(url: str) -> None:
    async def scene() -> bytes | None:
        source = Updates(Endpoint(base_url="https://core.example.org/v2", connect_timeout_s=0.1), "")
        return await source.picture(url)

    assert asyncio.run(scene()) is None


@pytest.mark.parametrize("url", ["a b", "ñ", "x\r\ny", "http://[", 7, None, "x" * 3_000])
def test_address_that_is_none_is_no_picture(url: object) -> None:
    word = read_word({"status": "closed", "media_url": url})
    assert word is not None
    assert word.picture_url == ""
