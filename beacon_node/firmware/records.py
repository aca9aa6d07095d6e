"""A record of the ring: 16 hex digits of the chain value that a line leads to, a blank, the line."""

import json
from binascii import hexlify, unhexlify

from beacon_node.firmware.mac import CHAIN

_HEX = 2 * CHAIN
REASONS = ("compacted", "corrupt", "evicted")
"""Why lines are missing."""


def parsed(record: bytes):
    """Return `(number, chain value, line)` of a record that has the form of one, else None.

    No chain value covers a gap's own bytes: it counts if its members make sense and it ends where it says.
    """
    if not record.startswith(b'{"seq":', _HEX + 1) or not record.endswith(b"}\n"):
        return None
    line = record[_HEX + 1 : -1]
    try:
        number, value = int(line[7 : line.find(b",")]), unhexlify(record[:_HEX])
        if is_gap(line) and not _is_whole_gap(number, record[:_HEX], line):
            return None
    except ValueError:
        return None
    return number, value, line


def value_of(record: bytes) -> bytes:
    """Return the chain value of a damaged record, to hold the next line against; empty where none is."""
    try:
        return unhexlify(record[:_HEX])
    except ValueError:
        return b""


def _is_whole_gap(number: int, value: bytes, line: bytes) -> bool:
    """Tell whether a gap is just what is written for its members."""
    members = json.loads(line)
    last, reason = members.get("gap_to"), members.get("reason")
    if type(last) is not int or last < number or reason not in REASONS:
        return False
    return line == gap_of(number, last, reason, unhexlify(value))


def gap_of(first: int, last: int, reason: str, head: bytes) -> bytes:
    """Return a gap line's bytes."""
    return b'{"seq":%d,"gap_to":%d,"reason":"%s","head":"%s"}' % (first, last, reason.encode(), hexlify(head))


def is_gap(line: bytes) -> bool:
    """Tell whether a line is a gap."""
    return line.find(b',"gap_to":', 0, 24) > 0


def is_loss(line: bytes) -> bool:
    """Tell whether a line is a gap that stands for a loss."""
    return is_gap(line) and b'"reason":"compacted"' not in line


def end_of(seq: int, line: bytes) -> int:
    """Return the last number that a line stands for."""
    return json.loads(line)["gap_to"] if is_gap(line) else seq


def later_gap(first: int, line: bytes) -> bytes:
    """Return a gap line that begins later."""
    return b'{"seq":%d%s' % (first, line[line.find(b",") :])


def write_gap(file, gap) -> int:
    """Write a gap `compacted`, where there is one; return its size."""
    if gap is None:
        return 0
    first, last, head = gap
    return file.write(hexlify(head) + b" " + gap_of(first, last, "compacted", head) + b"\n")


def key_of(line: bytes) -> str:
    """Return which newer line replaces this one: one about the same part."""
    members = json.loads(line)
    return "%s|%s" % (members.get("type"), members.get("data", {}).get("key", ""))
