"""A vault: a key store that makes keys itself and lets none of the town's out, and what may ail it.

    vault.make((0, 2, 3, 4, 15), version)
    vault.card_key(card_uid, number, version)      # one card's own key, as of any `KeyStore`

The one that there is, `token`, speaks PKCS#11; `named_vault` finds it.

Every error here means that nothing was judged: whoever asks again later is answered.
"""

from collections.abc import Sequence
from typing import Protocol

from card_reader.keys.port import KeyStore
from shared.model.errors import DeviceError, TransientError


class KeyVault(KeyStore, Protocol):
    """A key store that makes its keys."""

    def make(self, numbers: Sequence[int], version: int) -> None:
        """Make keys; those of them that are there already stay as they are.

        Args:
            numbers: of the keys.
            version: of all of them.

        Raises:
            TokenUnfitError: what is there could be read out, or the device cannot make cards' keys.
            TokenAwayError: it does not answer.
            TokenPinError: it does not let the hub in.
        """
        ...


class TokenAwayError(TransientError):
    """The device with the card keys does not answer; look at its plug, card_token_module and _label."""


class TokenPinError(DeviceError):
    """The PIN for the device with the card keys is wrong; write the right one into card_token_pin_file."""


class TokenKeyError(DeviceError):
    """The device lacks a card key, or has it twice; connect the right one, or restore its backup."""


class TokenUnfitError(DeviceError):
    """This device cannot keep card keys (docs/OPERATIONS.md, Card keys in a token); use another."""


class NoVaultError(DeviceError):
    """The card keys of this version are in a device; name it in card_token_module and start again."""
