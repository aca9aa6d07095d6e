"""Bundles: what is signed is what is taken, and nothing else."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.bundle import (
    AFTER_EXPIRY,
    AfterExpiry,
    BundleError,
    HubPublicKeys,
    Notice,
    check_body,
    check_notice,
    decode_notice,
    encode_notice,
    make_notice,
)
from shared.protocol.reported import (
    BundleReport,
    BundleState,
    Reported,
    TwinReport,
    TwinState,
    decode_reported,
    encode_reported,
)
from shared.protocol.signing import SignatureError, signing_key_id
from shared.protocol.versions import Version

OLD, NEW, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
BODY = b'{"subjects":["a","b"]}'


def trusted(*keys: Ed25519PrivateKey) -> dict[str, object]:
    return {signing_key_id(key.public_key()): key.public_key() for key in keys}


def notice(*keys: Ed25519PrivateKey, body: bytes = BODY) -> Notice:
    return make_notice("deny-list", Version(3, 7), body, 99_000, keys or (NEW,))


@pytest.mark.sentence("W-8")
def test_bundle_is_taken_by_whoever_trusts_one_of_its_keys() -> None:
    both = notice(NEW, OLD)
    for key in (OLD, NEW):
        check_notice(both, {signing_key_id(key.public_key()): key.public_key()})
    with pytest.raises(SignatureError):
        check_notice(both, {signing_key_id(STRANGER.public_key()): STRANGER.public_key()})
    with pytest.raises(SignatureError):
        check_notice(both, {})


@pytest.mark.sentence("W-8")
@pytest.mark.parametrize(
    "change",
    [
        {"name": "fares"},
        {"version": Version(3, 8)},
        {"version": Version(4, 7)},
        {"sha256": b"\1" * 32},
        {"size": 1},
        {"expires_ms": 99_001},
    ],
)
def test_notice_that_was_changed_is_refused(change: dict[str, object]) -> None:
    changed = replace(notice(), **change)
    with pytest.raises(SignatureError):
        check_notice(changed, {signing_key_id(NEW.public_key()): NEW.public_key()})


@pytest.mark.sentence("W-8")
def test_body_that_was_changed_is_refused() -> None:
    with pytest.raises(BundleError):
        check_body(notice(), BODY + b" ")
    swapped = replace(notice(), body=b'{"subjects":["a","c"]}')
    with pytest.raises(BundleError):
        decode_notice(encode_notice(swapped))


def test_notice_is_read_as_it_was_written_and_a_long_body_stays_outside() -> None:
    assert decode_notice(encode_notice(notice())) == notice()
    long = notice(body=b"x" * (limits.BUNDLE_INLINE_BYTES_MAX + 1))
    assert long.body is None
    assert decode_notice(encode_notice(long)) == long


@pytest.mark.parametrize("name", ["", "Deny", "../x", "a" * 33, "1a", "a|b", "a\n"])
def test_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BundleError):
        make_notice(name, Version(1, 1), BODY, 1, [NEW])


@pytest.mark.sentence("W-18")
@pytest.mark.parametrize(
    ("name", "most"), [("deny-list", limits.DENY_LIST_BYTES_MAX), ("agenda", limits.BUNDLE_BYTES_MAX)]
)
def test_body_of_no_size_or_too_much_is_refused(name: str, most: int) -> None:
    assert decode_notice(encode_notice(make_notice(name, Version(1, 1), b"x" * most, 1, [NEW]))).size == most
    for body in (b"", b"x" * (most + 1)):
        with pytest.raises(BundleError):
            make_notice(name, Version(1, 1), body, 1, [NEW])


def test_notice_that_is_malformed_is_refused() -> None:
    good = encode_notice(notice())
    for bad in (
        b"{}\n",
        good.replace(b'"sigs":{', b'"sigs":[{').replace(b"}}", b"}]}"),
        good.replace(b'"size":22', b'"size":0'),
        good.replace(b'"deny-list"', b'"DENY"'),
        good.replace(b'"body":"', b'"body":"='),
    ):
        assert bad != good
        with pytest.raises(InputError):
            decode_notice(bad)


def test_hub_keys_are_read_as_they_were_written() -> None:
    raw = tuple(key.public_key().public_bytes_raw() for key in (NEW, OLD))
    keys = HubPublicKeys(signing=raw, sealing=b"\7" * 40)
    assert HubPublicKeys.from_body(keys.to_body()) == keys
    assert set(keys.trusted()) == set(trusted(OLD, NEW))
    for bad in (b"{}", b'{"signing":[],"sealing":"aa"}', b'{"signing":["aa"],"sealing":"aa"}'):
        with pytest.raises(InputError):
            HubPublicKeys.from_body(bad)


@pytest.mark.sentence("W-9")
def test_every_name_says_what_happens_after_its_expiry() -> None:
    assert AFTER_EXPIRY["deny-list"] is AfterExpiry.LIMIT
    assert AFTER_EXPIRY["agenda"] is AfterExpiry.HIDE


def test_reported_twin_is_read_as_it_was_written() -> None:
    said = Reported(
        session="s",
        n=4,
        twin=TwinReport(
            version=Version(1, 2), state=TwinState.REVERTED, in_force=Version(1, 1), why="cut off"
        ),
        bundles={"deny-list": BundleReport(version=Version(3, 7), state=BundleState.HELD)},
        refused={"bundle": 2},
        why={"bundle": "it is older"},
    )
    assert decode_reported(encode_reported(said)) == said
    for bad in (
        b"{}\n",
        b'{"session":"s","n":1,"twin":{},"bundles":{}}\n',
        b'{"session":"s","n":1,"twin":null,"bundles":{"X":{}}}\n',
        b'{"session":"s","n":1,"twin":null,"bundles":{},"refused":{"x":-1}}\n',
        b'{"session":"s","n":1,"twin":null,"bundles":{},"refused":{"x":1},"why":{"x":"a\\u0000"}}\n',
        b'{"session":"s","n":1,"twin":null,"bundles":{},"refused":{"x":1},"why":{"x":"%s"}}\n' % (b"y" * 161),
        b'{"session":"s","n":1,"twin":null,"bundles":{},"x":"%s"}\n' % (b"y" * 20_000),
    ):
        with pytest.raises(InputError):
            decode_reported(bad)
