"""Why a board was not flashed: each error has an exit status of its own, which a script can read."""

from typing import ClassVar

from shared.model.errors import DeviceError, InputError


class PortError(InputError):
    """No board is on a cable, or several are and none was named."""

    status: ClassVar = 4


class SilentError(DeviceError):
    """The board does not answer, or it was unplugged."""

    status: ClassVar = 5


class OtherBoardError(InputError):
    """The chip, its flash or the image is another than the board's that was named."""

    status: ClassVar = 6


class FlashDiffersError(DeviceError):
    """What lies on the flash is not the image."""

    status: ClassVar = 7
