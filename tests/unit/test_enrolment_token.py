"""The printed token and the two messages of enrolment."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.errors import InputError
from shared.protocol.enrolment import (
    EnrolmentAnswer,
    EnrolmentFormError,
    EnrolmentRequest,
    Token,
    TokenError,
)

TOKEN = Token(device="kiosk-7", hub="hub.example.org:8443", fingerprint=b"\1" * 16, secret=b"\2" * 16)
REQUEST = EnrolmentRequest(
    device="kiosk-7", secret="02" * 16, k_up="03" * 32, k_down="04" * 32, signing="05" * 32, csr="PEM"
)
ANSWER = EnrolmentAnswer(
    device="kiosk-7",
    kind="kiosk",
    site="Plaça de l'Ajuntament",
    certificate="PEM",
    authority="PEM",
    brokers=("127.0.0.1:8883", "[::1]:8883"),
    hub_url="https://hub.example.org:8443",
    hub_signing="05" * 32,
    hub_sealing="06" * 1216,
    fleet_key="07" * 32,
    time_ms=1_800_000_000_000,
)

DEVICES = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True).filter(lambda name: name != "hub")
HUBS = st.one_of(
    st.from_regex(r"[a-z0-9.-]{1,60}:[1-9][0-9]{0,4}", fullmatch=True),
    st.just("[2001:db8::7]:8443"),
)


@given(
    device=DEVICES,
    hub=HUBS,
    fingerprint=st.binary(min_size=16, max_size=16),
    secret=st.binary(min_size=16, max_size=16),
)
def test_token_reads_back_as_it_was_printed(device: str, hub: str, fingerprint: bytes, secret: bytes) -> None:
    token = Token(device=device, hub=hub, fingerprint=fingerprint, secret=secret)
    assert Token.parse(str(token)) == token
    assert Token.parse(str(token).upper()) == token
    assert Token.parse("  " + str(token).replace("-", "-\n ") + "\n") == token


def test_token_lets_a_person_confuse_o_and_0_l_and_1() -> None:
    head, _, code = str(TOKEN).rpartition("/")
    confused = code.replace("0", "o").replace("1", "l")
    assert Token.parse(f"{head}/{confused}") == TOKEN


def test_token_with_any_character_wrong_is_told_before_anything_is_sent() -> None:
    text = str(TOKEN)
    for at, character in enumerate(text):
        if character in "-/" and at > text.rindex("/"):
            continue
        for wrong in "7xz":
            changed = text[:at] + wrong + text[at + 1 :]
            if wrong.upper() != character.upper():
                with pytest.raises(TokenError):
                    Token.parse(changed)


def test_token_cut_anywhere_is_refused() -> None:
    text = str(TOKEN)
    for length in range(len(text)):
        with pytest.raises(TokenError, match="copy all of it"):
            Token.parse(text[:length])


@given(text=st.text(max_size=200))
def test_token_from_any_text_is_refused_and_never_fails_otherwise(text: str) -> None:
    with pytest.raises(TokenError):
        Token.parse(text)


def test_token_shows_no_secret_in_its_representation() -> None:
    assert repr(TOKEN.secret) not in repr(TOKEN)


def test_token_matches_the_authority_it_names_alone() -> None:
    token = replace(TOKEN, fingerprint=sha256(b"certificate").digest()[:16])
    assert token.matches(b"certificate")
    assert not token.matches(b"another")


@pytest.mark.parametrize("hub", ["hub", "hub:0", "hub:", "HUB:1", "a b:1", "hub:1/x", "[::1]", "hub:1\n", ""])
def test_token_for_an_address_that_is_none_cannot_be_made(hub: str) -> None:
    with pytest.raises(InputError):
        replace(TOKEN, hub=hub)


def test_request_and_answer_read_back_as_they_were_sent() -> None:
    assert EnrolmentRequest.from_json(REQUEST.to_json()) == REQUEST
    assert EnrolmentAnswer.from_json(ANSWER.to_json()) == ANSWER


def test_request_of_a_newer_device_with_a_further_member_is_read() -> None:
    assert EnrolmentRequest.from_json(REQUEST.to_json()[:-1] + b',"model":"K3"}') == REQUEST


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":true'),
        (b'"kiosk-7"', b'"hub"'),
        (b'"kiosk-7"', b'"../../x"'),
        (b'"kiosk-7"', b"7"),
        (b"0303", b"03"),
        (b"0303", b"0G03"),
        (b'"csr":"PEM"', b'"csr":null'),
        (b'"csr":"PEM"', b'"other":"PEM"'),
    ],
)
def test_request_that_is_none_is_refused(old: bytes, new: bytes) -> None:
    assert old in REQUEST.to_json()
    with pytest.raises(EnrolmentFormError):
        EnrolmentRequest.from_json(REQUEST.to_json().replace(old, new, 1))


@pytest.mark.parametrize("brokers", [b"[]", b"null", b'"127.0.0.1:1"', b"[7]", b'["nonsense"]'])
def test_answer_without_a_broker_is_refused(brokers: bytes) -> None:
    sent = ANSWER.to_json().replace(b'["127.0.0.1:8883","[::1]:8883"]', brokers)
    assert sent != ANSWER.to_json()
    with pytest.raises(EnrolmentFormError):
        EnrolmentAnswer.from_json(sent)


@given(body=st.binary(max_size=300))
def test_request_from_any_bytes_is_refused_and_never_fails_otherwise(body: bytes) -> None:
    with pytest.raises(EnrolmentFormError):
        EnrolmentRequest.from_json(body)


def test_request_nested_deep_is_refused() -> None:
    with pytest.raises(EnrolmentFormError):
        EnrolmentRequest.from_json(b'{"a":' * 3000 + b"1" + b"}" * 3000)
