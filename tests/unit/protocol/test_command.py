"""Commands: what a device remembers of them, so that none is done twice."""

import pytest

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.command import (
    INTERRUPTED,
    Book,
    Command,
    CommandState,
    Result,
    book_members,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
    find,
    interrupted,
    note,
    read_book,
    settle,
)


def command(name: str, expires_ms: int = 1_000) -> Command:
    return Command(id=name, op="ping", args={"n": 1}, expires_ms=expires_ms)


def noted(book: Book, *names: str, expires_ms: int = 1_000) -> Book:
    for name in names:
        book = note(book, command(name, expires_ms), 0) or ()
    return book


@pytest.mark.sentence("W-6")
def test_command_is_remembered_as_long_as_it_could_be_replayed() -> None:
    book = noted((), *(f"c{n}" for n in range(limits.COMMANDS_REMEMBERED)))
    book = settle(book, "c0", CommandState.DONE)
    assert note(book, command("one-more"), 999) is None  # c0 is done, but could still be sent again
    after = note(book, command("one-more", 3_000), 1_001)
    assert after is not None
    assert find(after, "c0") is None
    assert find(after, "c1") is not None  # it is still under way


def test_command_that_was_interrupted_says_so_and_a_restart_is_done() -> None:
    book = noted((), "ping")
    restart = note(book, Command(id="again", op="restart", args={}, expires_ms=1_000), 0)
    assert restart is not None
    restart = settle(restart, "again", CommandState.RUNNING)
    found = interrupted(restart, restarts="restart")
    assert [(item.state, item.detail) for item in found] == [
        (CommandState.FAILED, INTERRUPTED),
        (CommandState.DONE, ""),
    ]
    assert interrupted(found, restarts="restart") == found


def test_book_that_is_stored_is_read_as_it_was() -> None:
    book = settle(noted((), "a", "b"), "b", CommandState.FAILED, "why")
    assert read_book(book_members(book)) == book


def test_messages_are_read_as_they_were_written() -> None:
    assert decode_command(encode_command(command("a"))) == command("a")
    duplicate = Result(session="s", id="a", state=CommandState.DUPLICATE, was=CommandState.DONE)
    assert decode_result(encode_result(duplicate)) == duplicate
    assert duplicate.stands is CommandState.DONE


def test_result_that_is_too_long_is_cut_to_its_outcome() -> None:
    long = Result(session="s", id="a", state=CommandState.DONE, data={"log": ["x" * 400] * 100})
    body = encode_result(long)
    assert len(body) <= limits.RESULT_BYTES_MAX
    assert decode_result(body).state is CommandState.DONE


@pytest.mark.parametrize(
    "body",
    [
        b"{}\n",
        b'{"id":"a","op":"ping","args":[],"expires_ms":1}\n',
        b'{"id":"","op":"ping","args":{},"expires_ms":1}\n',
        b'{"id":"a","op":"ping","args":{"x":"%s"},"expires_ms":1}\n' % (b"y" * 5_000),
    ],
)
def test_command_that_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode_command(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"session":"s","id":"a","state":"sleeping"}\n',
        b'{"session":"s","id":"a","state":"done","detail":7}\n',
        b'{"session":"s","id":"a","state":"duplicate"}\n',
        b'{"session":"s","id":"a","state":"duplicate","was":"duplicate"}\n',
        b'{"session":"s","id":"a","state":"done","data":{"x":"\\u0000"}}\n',
        b'{"session":"s","id":"a","state":"done","data":{"x":"%s"}}\n' % (b"y" * 20_000),
    ],
)
def test_result_that_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode_result(body)
