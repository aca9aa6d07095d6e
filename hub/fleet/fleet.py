"""The parts that guide devices, put together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hub.db.writer import Writer
from hub.fleet.bundle_press import BundlePress
from hub.fleet.command_post import CommandPost
from hub.fleet.dispatch import Dispatch, DispatchParts
from hub.fleet.own_bundles import OwnBundles
from hub.fleet.settings_desk import SettingsDesk
from hub.fleet.versions import KeptIncarnation, Versions
from hub.keys.room import KeyRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What guides devices.

    Attributes:
        settings: by city, district, site and device.
        press: bundles.
        own: bundles that are for one device alone.
        commands: and their results.
        dispatch: sends what is lacking.
        versions: gives the versions of all this out.
    """

    settings: SettingsDesk
    press: BundlePress
    own: OwnBundles
    commands: CommandPost
    dispatch: Dispatch
    versions: Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How devices are spoken to.

    Attributes:
        publish: hands a message to the broker; raises where it cannot.
        connected: the devices that speak in a session now.
    """

    publish: Callable[[str, bytes], None]
    connected: Callable[[], Iterable[str]]


def make_fleet(
    room: KeyRoom, incarnation: KeptIncarnation, writer: Writer, wire: Wire, clock: Callable[[], int]
) -> Fleet:
    """Put the parts together.

    Args:
        room: keys and registry.
        incarnation: of this start of the hub.
        writer: the database.
        wire: to the devices.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    versions = Versions(incarnation)
    press = BundlePress(writer, room.registry, room.keys, versions, clock)
    own = OwnBundles(versions, press, clock)
    dispatch = Dispatch(
        DispatchParts(
            writer=writer,
            registry=room.registry,
            versions=versions,
            press=press,
            own=own,
            publish=wire.publish,
            connected=wire.connected,
            clock=clock,
        )
    )
    return Fleet(
        settings=SettingsDesk(writer, room.registry, clock, dispatch.changed),
        press=press,
        own=own,
        commands=CommandPost(writer, room.registry, clock, dispatch.wake),
        dispatch=dispatch,
        versions=versions,
    )
