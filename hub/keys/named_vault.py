"""The vault that the hub's settings name; what it needs is loaded only there."""

from pathlib import Path

from hub.keys.vault import KeyVault, TokenUnfitError


def vault_at(module: Path | None, label: str, pin_file: Path | None) -> KeyVault | None:
    """Return the vault that the settings name; it is not asked for anything yet.

    Args:
        module: the library that its maker delivers; None where there is no vault.
        label: of the token.
        pin_file: holds its user's PIN.

    Raises:
        TokenUnfitError: the package `python-pkcs11` is not installed.
    """
    if module is None or pin_file is None:
        return None
    try:
        from hub.keys.token import Token  # noqa: PLC0415  an extra, that most hubs do without
    except ModuleNotFoundError as error:
        raise TokenUnfitError("card_token_module needs a package: pip install 'ventanilla[hsm]'") from error
    return Token(module, label, pin_file)
