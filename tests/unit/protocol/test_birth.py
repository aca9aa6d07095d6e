"""Births: what a device says it holds, read strictly."""

from dataclasses import replace

import pytest

from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.birth import Birth, LaneState, ListedEpoch, decode_birth, encode_birth
from shared.protocol.frame import SESSION_LENGTH

OLD = ListedEpoch(epoch="0000000a", oldest=5, last=9, head=bytes(range(8)))
OPEN = ListedEpoch(epoch="0000000b", oldest=1, last=0, head=bytes(8))
BIRTH = Birth(
    nonce="n" * SESSION_LENGTH,
    session="s" * SESSION_LENGTH,
    incarnation=12,
    boot=312,
    uptime_ms=81_230_000,
    reset="power",
    firmware="1.2",
    lanes={
        Stream.PAYMENTS: LaneState(
            epochs=[OLD, OPEN], acked={"0000000a": 7}, waiting_ms=3, bytes=900, capacity=1000
        ),
        Stream.CASES: LaneState(epochs=[]),
    },
    extra={"slot": "b", "colour": {"of": "kiosk"}},
)


@pytest.mark.sentence("B-1")
def test_birth_is_read_back_as_it_was_written() -> None:
    assert decode_birth(encode_birth(BIRTH)) == BIRTH


@pytest.mark.sentence("B-1")
def test_birth_says_who_when_and_what() -> None:
    body = encode_birth(replace(BIRTH, session=None, extra={}, lanes={Stream.CASES: LaneState(epochs=[OLD])}))
    assert body == (
        b'{"v":1,"nonce":"nnnnnnnnnnnnnnnnnnnnnn","incarnation":12,"boot":312,"reset":"power",'
        b'"uptime_ms":81230000,"firmware":"1.2","streams":{"cases":{"epochs":[{"epoch":"0000000a",'
        b'"oldest":5,"last":9,"head":"0001020304050607"}],"acked":{},"waiting_ms":0,"bytes":0,"capacity":0}}}\n'
    )


def test_birth_without_a_session_asks_for_one() -> None:
    assert decode_birth(encode_birth(replace(BIRTH, session=None))).session is None


def test_birth_keeps_what_is_not_known_and_passes_over_foreign_streams() -> None:
    body = encode_birth(BIRTH).replace(b'"streams":{', b'"streams":{"photographs":{"epochs":7},')
    assert decode_birth(body) == BIRTH


def test_birth_lists_so_many_epochs_and_no_more() -> None:
    def listing(count: int) -> bytes:
        epochs = [replace(OLD, epoch=f"{n:08x}") for n in range(count)]
        return encode_birth(replace(BIRTH, lanes={Stream.PAYMENTS: LaneState(epochs=epochs)}))

    largest = listing(limits.EPOCHS_LISTED_MAX)
    assert len(decode_birth(largest).lanes[Stream.PAYMENTS].epochs) == limits.EPOCHS_LISTED_MAX
    with pytest.raises(InputError):
        decode_birth(listing(limits.EPOCHS_LISTED_MAX + 1))


def test_birth_that_lists_the_most_of_every_stream_fits() -> None:
    high = 2**53 - 1
    epochs = [
        ListedEpoch(epoch=f"{n:08x}", oldest=high, last=high, head=bytes(8))
        for n in range(limits.EPOCHS_LISTED_MAX)
    ]
    full = LaneState(epochs=epochs, acked={e.epoch: e.last for e in epochs}, waiting_ms=high, bytes=high)
    lanes = {stream: full for stream in Stream if stream is not Stream.LOG}
    assert len(encode_birth(replace(BIRTH, lanes=lanes))) <= limits.BIRTH_BYTES_MAX


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"v":1', b'"v":2', id="another version"),
        pytest.param(b'"v":1', b'"v":1.0', id="a float for a version"),
        pytest.param(b"nnnnnnnnnnnnnnnnnnnnnn", b"", id="no nonce"),
        pytest.param(b"ssssssssssssssssssssss", b"s" * 23, id="a session too long"),
        pytest.param(b'"incarnation":12', b'"incarnation":-1', id="an incarnation below nothing"),
        pytest.param(b'"boot":312', b'"boot":"312"', id="a boot that is no number"),
        pytest.param(b'"oldest":5,"last":9', b'"oldest":11,"last":9', id="oldest beyond what follows last"),
        pytest.param(b'"oldest":5', b'"oldest":0', id="oldest before one"),
        pytest.param(b'"epoch":"0000000b"', b'"epoch":"0000000a"', id="an epoch twice"),
        pytest.param(b'"head":"0001020304050607"', b'"head":"00"', id="a short head"),
        pytest.param(b'"epochs":[]', b'"epochs":{}', id="epochs that are no list"),
        pytest.param(b'"epochs":[]', b'"epochs":[1]', id="an epoch that is no object"),
        pytest.param(b'"acked":{"0000000a":7}', b'"acked":{"0000000a":-7}', id="acked below nothing"),
        pytest.param(b'"waiting_ms":3', b'"waiting_ms":true', id="true for a wait"),
        pytest.param(b'"streams":{', b'"streams":[],"x":{', id="streams that are no object"),
        pytest.param(b'"boot":312', b'"boot":312,"boot":313', id="a member twice"),
    ],
)
def test_birth_that_cannot_be_is_refused(old: bytes, new: bytes) -> None:
    body = encode_birth(BIRTH)
    assert old in body
    with pytest.raises(InputError):
        decode_birth(body.replace(old, new, 1))


def test_birth_that_has_nothing_left_of_an_epoch_is_read() -> None:
    gone = replace(OLD, oldest=10)
    lanes = {Stream.PAYMENTS: LaneState(epochs=[gone])}
    assert decode_birth(encode_birth(replace(BIRTH, lanes=lanes))).lanes == lanes
