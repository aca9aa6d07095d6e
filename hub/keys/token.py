"""The town's card keys in a PKCS#11 token: a smart card, an HSM, or SoftHSM where it is tried out.

    token = Token(Path("/usr/lib/softhsm/libsofthsm2.so"), "ventanilla", pin_file)

A key is an AES key of 128 bits, made in the token, sensitive and never extractable, which encrypts and does
nothing else. Its id is two bytes, number and version, its label says the same in words.

Rules:
- A card's key is made by AN10922, of which the token does both encryptions (CKM_AES_CBC with a vector of
  zeros). CKM_AES_CMAC would not do: AN10922 fills what identifies a card up to two blocks before it chooses
  the subkey, and CMAC chooses another. So the hub sees the subkeys, of which no key can be computed.
- A session that is lost is opened again, once for each question. What fails then is told, and the next
  question begins anew: a token that comes back needs no restart.
- A PIN that was refused is not tried again until its file was replaced, and never where the token says that
  it is the last try: no restart of the hub locks a token.
- One question at a time: most tokens serve no more, and a session has one operation.

Source: PKCS#11 v2.40 (OASIS), 2.8 AES; NXP AN10922, section 2.2.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, cast

import pkcs11
from pkcs11.constants import Attribute, MechanismFlag, ObjectClass, TokenFlag
from pkcs11.exceptions import (
    KeySizeRange,
    MechanismInvalid,
    MechanismParamInvalid,
    MultipleObjectsReturned,
    NoSuchKey,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    TemplateInconsistent,
    UserPinNotInitialized,
)
from pkcs11.mechanisms import KeyType, Mechanism
from pkcs11.types import EncryptMixin, Object, Session

from card_reader.citizen_card import layout
from card_reader.desfire.crypto import KEY_BYTES, ZERO_BLOCK
from card_reader.desfire.diversification import diversified_by
from hub.keys.vault import TokenAwayError, TokenKeyError, TokenPinError, TokenUnfitError
from shared.model.errors import VentanillaError

PRIVATE_BITS: Final = 0o077
_WRONG_PIN: Final = (PinIncorrect, PinInvalid, PinLenRange, PinLocked, PinExpired, UserPinNotInitialized)
_NO_KEY: Final = (NoSuchKey, MultipleObjectsReturned)
_UNFIT: Final = (MechanismInvalid, MechanismParamInvalid, KeySizeRange, TemplateInconsistent)
_SAID: Final = ((_WRONG_PIN, TokenPinError), (_NO_KEY, TokenKeyError), (_UNFIT, TokenUnfitError))
_KEPT: Final = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.PRIVATE: True,
}
_PROOF: Final = (Attribute.NEVER_EXTRACTABLE, Attribute.ALWAYS_SENSITIVE, Attribute.LOCAL)
"""What a token says of a key that was made in it and can never have left it."""

T = TypeVar("T")


class _Open(NamedTuple):
    """A session, and the keys that were there when it began, by their ids."""

    session: Session
    keys: dict[bytes, list[Object]]


class Token:
    """A token with card keys; implements `KeyVault`. Any thread may ask.

    Every method raises `TokenAwayError`, `TokenPinError`, `TokenKeyError` or `TokenUnfitError`.

    Args:
        module: the library of its maker.
        label: of the token.
        pin_file: holds its user's PIN, and is readable by the hub's user alone.
    """

    def __init__(self, module: Path, label: str, pin_file: Path) -> None:
        self._module = module
        self._label = label
        self._pin_file = pin_file
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._is_lost = False
        self._refused: tuple[int, int] | None = None

    def versions(self, number: int) -> tuple[int, ...]:
        """Return which versions of a key the token holds, the newest first."""
        ids = self._asked(lambda opened: list(opened.keys))
        return tuple(sorted((each[1] for each in ids if each[:-1] == bytes((number,))), reverse=True))

    def card_key(self, card_uid: bytes, number: int, version: int) -> bytes:
        """Return one card's own key.

        Args:
            card_uid: the card's number in the air, 7 bytes.
            number: of the key, as `citizen_card.layout` names them.
            version: of the town's key.
        """
        identifies = layout.identifying(card_uid, number)
        return self._asked(lambda opened: _diversified(_key(opened, number, version), identifies))

    def make(self, numbers: Sequence[int], version: int) -> None:
        """Make keys; those that are there already, because making them was torn, stay as they are.

        Args:
            numbers: of the keys.
            version: of all of them.
        """
        for number in numbers:
            self._asked(lambda opened, number=number: _made(opened, number, version))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._label})"

    def _asked(self, work: Callable[[_Open], T]) -> T:
        """Do something in a session; where that one is lost, in a new one."""
        with self._lock:
            try:
                return work(self._opened())
            except PKCS11Error:
                self._open, self._is_lost = None, True
            try:
                return work(self._opened())
            except PKCS11Error as error:
                self._open = None
                raise _told(error) from None

    def _opened(self) -> _Open:
        if self._open is None:
            library = pkcs11.lib(str(self._module))
            if self._is_lost:
                library.reinitialize()
            token = library.get_token(token_label=self._label)
            seen, pin = self._pin()
            if token.flags & (TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED):
                raise TokenPinError(
                    "the device with the card keys would lock at one more wrong PIN, or has; log in once "
                    "with its maker's program, which resets the count, then start again"
                )
            try:
                session = token.open(rw=True, user_pin=pin)
            except _WRONG_PIN as error:
                self._refused, self._is_lost = seen, True
                raise _told(error) from None
            self._open = _Open(session, _found(session))
            self._is_lost = False
        return self._open

    def _pin(self) -> tuple[tuple[int, int], str]:
        """Return the PIN, and by what it is seen that its file was replaced."""
        try:
            told = self._pin_file.stat()
            pin = self._pin_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenPinError(f"card_token_pin_file cannot be read ({type(error).__name__})") from None
        if told.st_mode & PRIVATE_BITS or not pin:
            raise TokenPinError(
                "card_token_pin_file should hold the PIN, for the hub's user alone: chmod 600"
            )
        seen = (told.st_ino, told.st_mtime_ns)
        if seen == self._refused:
            raise TokenPinError(_sentence(TokenPinError))
        return seen, pin


def _found(session: Session) -> dict[bytes, list[Object]]:
    """Look for keys once a session: a search in one that is lost would be heard of later, and elsewhere."""
    wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
    keys: dict[bytes, list[Object]] = {}
    for key in list(session.get_objects(wanted)):
        keys.setdefault(bytes(key[Attribute.ID]), []).append(key)
    return keys


def _key(opened: _Open, number: int, version: int) -> EncryptMixin:
    keys = opened.keys.get(bytes((number, version)), [])
    if len(keys) != 1:
        raise MultipleObjectsReturned if keys else NoSuchKey
    return _usable(keys[0])


def _usable(key: Object) -> EncryptMixin:
    if not isinstance(key, EncryptMixin):
        raise TokenUnfitError("a card key in the device may not encrypt; restore it from the device's backup")
    return key


def _diversified(key: EncryptMixin, identifies: bytes) -> bytes:
    def encrypt(plain: bytes) -> bytes:
        return cast("bytes", key.encrypt(plain, mechanism=Mechanism.AES_CBC, mechanism_param=ZERO_BLOCK))

    return diversified_by(encrypt, identifies)


def _made(opened: _Open, number: int, version: int) -> None:
    """Make a key where it lacks, and see that it serves and can never have been outside."""
    name = bytes((number, version))
    if name not in opened.keys:
        made = opened.session.generate_key(
            KeyType.AES,
            KEY_BYTES * 8,
            id=name,
            label=f"citizen card, key {number}, version {version}",
            store=True,
            capabilities=MechanismFlag.ENCRYPT,
            template=_KEPT,
        )
        opened.keys[name] = [made]
    key = _key(opened, number, version)
    if not all(key[each] for each in _PROOF):
        raise TokenUnfitError(
            f"key {number} of version {version} in the device may be known outside; delete it, repeat"
        )
    _diversified(key, bytes([number]))


def _told(error: PKCS11Error) -> VentanillaError:
    """What the token said, in our words; its own name for it helps whoever calls its maker."""
    kind = next((ours for theirs, ours in _SAID if isinstance(error, theirs)), TokenAwayError)
    return kind(f"{_sentence(kind)} ({type(error).__name__})")


def _sentence(kind: type[VentanillaError]) -> str:
    return " ".join((kind.__doc__ or "").split())
