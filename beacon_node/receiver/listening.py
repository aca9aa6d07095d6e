"""Listening for beacons: the port behind which a radio stands, and passing on what it hears."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Protocol

from beacon_node.receiver.core.heard import Heard
from shared.model.errors import DeviceError


class NoRadioError(DeviceError):
    """This machine cannot listen for beacons; switch Bluetooth on, and allow this program to use it."""


class Scanner(Protocol):
    """Hears advertisements."""

    def heard(self) -> AsyncGenerator[Heard, None]:
        """Yield what is heard, until it is closed.

        Raises:
            NoRadioError: this machine cannot listen.
        """
        ...


async def listen_for(scanner: Scanner, hear: Callable[[Heard], object], duration_s: float | None) -> None:
    """Pass on what is heard, one advertisement after the other.

    Args:
        scanner: hears it.
        hear: takes it.
        duration_s: how long; None: until cancelled.

    Raises:
        NoRadioError: this machine cannot listen.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(duration_s), aclosing(scanner.heard()) as all_heard:
            async for heard in all_heard:
                hear(heard)
