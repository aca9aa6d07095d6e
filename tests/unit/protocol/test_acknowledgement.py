"""Welcomes and acknowledgements: the hub's words, read strictly."""

from dataclasses import replace

import pytest

from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    decode_answer,
    encode_acknowledgement,
    encode_welcome,
)

WELCOME = Welcome(nonce="n" * 22, session="s" * 22, incarnation=12, time_ms=1_795_255_200_000, hold_s=7)
ACK = Acknowledgement(
    incarnation=12,
    n=17,
    session="s" * 22,
    streams={
        Stream.PAYMENTS: StreamAck(epoch="9f3c2a1b", acked=1099, head=bytes(range(8)), credit=800),
        Stream.CASES: StreamAck(epoch="9f3c2a1c", acked=0, head=None, credit=0),
    },
    time_ms=1_795_255_200_000,
    fenced=True,
    missing=("a1",),
    versions={"fares": [12, 3]},
)


def test_welcome_is_read_back_as_it_was_written() -> None:
    assert decode_answer(encode_welcome(WELCOME)) == WELCOME


def test_acknowledgement_is_read_back_as_it_was_written() -> None:
    assert decode_answer(encode_acknowledgement(ACK)) == ACK


def test_acknowledgement_says_how_far_the_hub_is() -> None:
    assert encode_acknowledgement(replace(ACK, streams={Stream.PAYMENTS: ACK.streams[Stream.PAYMENTS]})) == (
        b'{"v":1,"incarnation":12,"n":17,"session":"ssssssssssssssssssssss","streams":{"payments":'
        b'{"epoch":"9f3c2a1b","acked":1099,"head":"0001020304050607","credit":800}},"time_ms":1795255200000,'
        b'"fenced":true,"missing":["a1"],"versions":{"fares":[12,3]}}\n'
    )


def test_acknowledgement_passes_over_what_it_does_not_know() -> None:
    body = encode_acknowledgement(ACK).replace(
        b'"streams":{', b'"weather":"fair","streams":{"photographs":1,'
    )
    assert decode_answer(body) == ACK


def test_acknowledgement_of_an_older_hub_may_leave_out_what_came_later() -> None:
    body = encode_acknowledgement(ACK).replace(b',"missing":["a1"],"versions":{"fares":[12,3]}', b"")
    assert decode_answer(body) == replace(ACK, missing=(), versions={})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"v":1', b'"v":2', id="another version"),
        pytest.param(b'"incarnation":12', b'"incarnation":"12"', id="an incarnation that is no number"),
        pytest.param(b'"acked":1099', b'"acked":-1', id="acked below nothing"),
        pytest.param(b'"acked":1099', b'"acked":1099.0', id="a float for acked"),
        pytest.param(b'"credit":800', b'"credit":null', id="no credit"),
        pytest.param(b'"head":"0001020304050607"', b'"head":"0001"', id="a short head"),
        pytest.param(b'"epoch":"9f3c2a1b"', b'"epoch":""', id="no epoch"),
        pytest.param(b'"fenced":true', b'"fenced":1', id="one for true"),
        pytest.param(b',"fenced":true', b"", id="no word of the fence"),
        pytest.param(b'"missing":["a1"]', b'"missing":5', id="missing that is no list"),
        pytest.param(b'"versions":{', b'"versions":[],"x":{', id="versions that are no object"),
        pytest.param(b'"session":"ssssssssssssssssssssss"', b'"session":""', id="no session"),
        pytest.param(b'"n":17', b'"n":17,"n":18', id="a member twice"),
    ],
)
def test_acknowledgement_that_is_malformed_is_refused(old: bytes, new: bytes) -> None:
    body = encode_acknowledgement(ACK)
    assert old in body
    with pytest.raises(InputError):
        decode_answer(body.replace(old, new, 1))


@pytest.mark.parametrize("member", [b'"session"', b'"incarnation"', b'"time_ms"', b'"hold_s"'])
def test_welcome_without_a_member_is_refused(member: bytes) -> None:
    with pytest.raises(InputError):
        decode_answer(encode_welcome(WELCOME).replace(member, b'"other"'))
