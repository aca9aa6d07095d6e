"""What is heard, put together by beacon: how strong, how it does, and whether it is what it says.

A beacon's standing:

    ours        its identifier is the one of now
    unproven    a lasting identity of ours: it has no trusted time yet, or is somebody's copy
    replayed    an identifier of ours, of another window than now's: recorded and sent again, or a clock far
    out copied      two senders at once say the same, or a lasting identity is said beside the proven one
    unlisted    our town's name with a beacon that this bundle does not know
    foreign     nobody's of this district

Rules:
- A sender's address changes with its identifier, one after the other; two that overlap are two senders.
- What is relayed at once, within the window, looks like the beacon: look at the strength, and walk.
- Telemetry has no identity in it: it belongs to the address that said it. Sealed telemetry is opened where
  the beacon's air key is given, else it says only that it is there.

Source: Eddystone specification (UID, EID, TLM, eTLM); docs/RECEIVER.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from beacon_node.receiver.core.heard import UNKNOWN_DBM, Heard
from beacon_node.receiver.core.resolver import WINDOWS_AROUND, Aes, Resolver
from shared.beacon_wire import eddystone
from shared.beacon_wire.eddystone import NAMESPACE_LENGTH, Eid, SealedTlm, Tlm, Uid, Url, read
from shared.beacon_wire.eid import Sealer
from shared.model.beacon_keys import PERIOD_S, BeaconKeys

ROWS_MAX: Final = 2_000
"""Beacons that are put together; what else is on the air is counted alone."""
SENDERS_MAX: Final = 50
"""Addresses that are remembered of one beacon; of more, the one heard longest ago is forgotten."""
TOGETHER_MS: Final = 3_000
"""So long two addresses are heard side by side before they count as two senders."""
REPLAY_S: Final = 86_400
"""So far back and ahead an identifier of another window is looked for."""
FRESH_MS: Final = 30_000
_LOW: Final = 0xFFFF


class Standing(StrEnum):
    """What a beacon is, as far as can be told."""

    OURS = "ours"
    UNPROVEN = "unproven"
    REPLAYED = "replayed"
    COPIED = "copied"
    UNLISTED = "unlisted"
    FOREIGN = "foreign"


@dataclass(slots=True, kw_only=True)
class _Sender:
    first_ms: int
    last_ms: int


@dataclass(slots=True, kw_only=True)
class Row:
    """One beacon.

    Attributes:
        name: place code where it was recognised, else what it says or its address.
        standing: what it is.
        window_off: how many windows its identifier lies from now's.
        count: advertisements that name it.
        last_ms: when the last one came.
        rssi_dbm: of the last one; None where the radio did not say.
        rssi_sum_dbm: of all that said, for the mean.
        measured: how many said.
        weakest_dbm: of all; the same.
        strongest_dbm: of all; the same.
        tx_dbm_0m: what it says of its own power.
        telemetry: the newest; None where there is none, or it cannot be opened.
        sealed: whether there is telemetry that cannot be opened.
        url: the newest address that it says.
    """

    name: str
    standing: Standing
    window_off: int = 0
    count: int = 0
    last_ms: int = 0
    rssi_dbm: int | None = None
    rssi_sum_dbm: int = 0
    measured: int = 0
    weakest_dbm: int = 0
    strongest_dbm: int = -UNKNOWN_DBM
    tx_dbm_0m: int | None = None
    telemetry: Tlm | None = None
    sealed: bool = False
    url: str | None = None
    senders: dict[str, _Sender] = field(default_factory=dict[str, _Sender], repr=False)

    @property
    def mean_dbm(self) -> float | None:
        """The mean strength; None where the radio never said."""
        return self.rssi_sum_dbm / self.measured if self.measured else None

    def has_copies(self) -> bool:
        """Tell whether two addresses said this at the same time."""
        spans = sorted((one.first_ms, one.last_ms) for one in self.senders.values())
        latest = None
        for first_ms, last_ms in spans:
            if latest is not None and min(latest, last_ms) - first_ms >= TOGETHER_MS:
                return True
            latest = last_ms if latest is None else max(latest, last_ms)
        return False


class Survey:
    """Puts together what is heard.

    Args:
        keys: of the district; None: everything is foreign.
        air_keys: lasting keys by place, for sealed telemetry.

    Attributes:
        others: advertisements that are no Eddystone, malformed, or beyond what is put together.
    """

    def __init__(self, keys: BeaconKeys | None, air_keys: Mapping[str, bytes] | None = None) -> None:
        beacons = () if keys is None else keys.beacons
        self.others = 0
        self._exponent = 0 if keys is None else keys.exponent
        self._resolver = None if keys is None else Resolver(keys)
        self._wide = None if keys is None else Resolver(keys)
        self._by_uid = {beacon.uid: beacon.place for beacon in beacons}
        self._namespaces = {beacon.uid[:NAMESPACE_LENGTH] for beacon in beacons}
        self._sealers = {place: Sealer(Aes, key) for place, key in (air_keys or {}).items()}
        self._rows: dict[tuple[str, Standing], Row] = {}
        self._row_of_address: dict[str, Row] = {}

    def hear(self, heard: Heard, now_ms: int) -> None:
        """Take an advertisement."""
        try:
            frame = read(heard.service_data or b"")
        except ValueError:
            self.others += 1
            return
        if isinstance(frame, Uid | Eid):
            name, standing, off = self._recognised(frame, now_ms // 1000)
            row = self._row(name, standing, heard.address, now_ms)
            if row is not None:
                row.window_off, row.tx_dbm_0m = off, frame.tx_dbm_0m
        else:
            row = self._row_of_address.get(heard.address) or self._row(
                heard.address, Standing.FOREIGN, heard.address, now_ms
            )
        if row is None:
            self.others += 1
            return
        _measure(row, heard, now_ms)
        self._describe(row, frame, now_ms // 1000)

    def rows(self, now_ms: int) -> Sequence[Row]:
        """Return what was heard, ours first, the strongest first among those of one standing."""
        for row in self._rows.values():
            if row.has_copies() or self._is_beside_proven(row, now_ms):
                row.standing = Standing.COPIED
        order = list(Standing)
        return sorted(
            self._rows.values(),
            key=lambda row: (order.index(row.standing), -(row.mean_dbm or -999), row.name),
        )

    def _recognised(self, frame: Uid | Eid, now_s: int) -> tuple[str, Standing, int]:
        if isinstance(frame, Uid):
            said = frame.namespace + frame.instance
            place = self._by_uid.get(said)
            if place is not None:
                return place, Standing.UNPROVEN, 0
            is_named = frame.namespace in self._namespaces
            return said.hex(), Standing.UNLISTED if is_named else Standing.FOREIGN, 0
        if self._resolver is not None and self._wide is not None:
            found = self._resolver.find(frame, now_s)
            if found is not None:
                return found.beacon.place, Standing.OURS, found.window_off
            around = max(WINDOWS_AROUND, REPLAY_S >> self._exponent)
            found = self._wide.find_within(frame.identifier, now_s, around)
            if found is not None:
                return found.beacon.place, Standing.REPLAYED, found.window_off
        return frame.identifier.hex(), Standing.FOREIGN, 0

    def _row(self, name: str, standing: Standing, address: str, now_ms: int) -> Row | None:
        row = self._rows.get((name, standing))
        if row is None:
            if len(self._rows) >= ROWS_MAX:
                return None
            row = self._rows[name, standing] = Row(name=name, standing=standing)
        sender = row.senders.setdefault(address, _Sender(first_ms=now_ms, last_ms=now_ms))
        sender.last_ms = now_ms
        if len(row.senders) > SENDERS_MAX:
            del row.senders[min(row.senders, key=lambda one: row.senders[one].last_ms)]
        if len(self._row_of_address) >= ROWS_MAX:
            self._row_of_address.clear()
        self._row_of_address[address] = row
        return row

    def _is_beside_proven(self, row: Row, now_ms: int) -> bool:
        """Tell whether a lasting identity goes on being said beside the proven one."""
        proven = self._rows.get((row.name, Standing.OURS))
        if proven is None or self._rows.get((row.name, Standing.UNPROVEN)) is not row:
            return False
        began_ms = min(one.first_ms for one in proven.senders.values())
        return row.last_ms - began_ms >= TOGETHER_MS and now_ms - proven.last_ms < FRESH_MS

    def _describe(self, row: Row, frame: Uid | Eid | Url | Tlm | SealedTlm, now_s: int) -> None:
        match frame:
            case Url():
                row.url = frame.url
            case Tlm():
                row.telemetry = frame
            case SealedTlm():
                opened = self._opened(row.name, frame, now_s)
                row.telemetry = opened or row.telemetry
                row.sealed = opened is None
            case _:
                pass

    def _opened(self, place: str, frame: SealedTlm, now_s: int) -> Tlm | None:
        sealer = self._sealers.get(place)
        if sealer is None:
            return None
        said = frame.sealed + frame.salt + frame.check
        for off in (0, -1, 1):
            at_s = max(0, now_s + (off << self._exponent))
            plain = sealer.opened(at_s // PERIOD_S, at_s & _LOW, self._exponent, said)
            if plain is not None:
                told = read(bytes((eddystone.TLM, eddystone.PLAIN)) + plain)
                return told if isinstance(told, Tlm) else None
        return None


def _measure(row: Row, heard: Heard, now_ms: int) -> None:
    row.count += 1
    row.last_ms = now_ms
    if heard.rssi_dbm == UNKNOWN_DBM:
        return
    row.rssi_dbm = heard.rssi_dbm
    row.rssi_sum_dbm += heard.rssi_dbm
    row.measured += 1
    row.weakest_dbm = min(row.weakest_dbm, heard.rssi_dbm)
    row.strongest_dbm = max(row.strongest_dbm, heard.rssi_dbm)
