"""Which radio is listened to: this machine's, or a virtual air's; its library is loaded when needed."""

from beacon_node.receiver.listening import NoRadioError, Scanner


class NoRadioLibraryError(NoRadioError):
    """This installation has nothing that listens to Bluetooth; pip install 'ventanilla[beacon]'."""


def scanner(air: str = "") -> Scanner:
    """Return what listens.

    Args:
        air: a virtual air as `host:port`; empty: this machine's radio.

    Raises:
        NoRadioLibraryError: the library is not installed.
    """
    try:
        from beacon_node.receiver.scan import BleakScan, on_air  # noqa: PLC0415  see above
    except ModuleNotFoundError as error:
        raise NoRadioLibraryError(NoRadioLibraryError.__doc__) from error
    return on_air(air) if air else BleakScan()
