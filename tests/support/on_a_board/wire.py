"""Reads the wire's vectors and says which do not hold, on CPython and inside MicroPython."""

import json
import sys
from binascii import hexlify, unhexlify

from shared.beacon_wire import eddystone, eid, ibeacon


def wrong(vectors, aes):
    """Every vector that does not hold, as words."""
    found = []
    for number, vector in enumerate(vectors, 1):
        got = _CHECKS[vector["kind"]](vector, aes)
        if got is not None:
            found.append("%d: %s" % (number, got))
    return found


def _eid(vector, aes):
    key, seconds, exponent = unhexlify(vector["key"]), vector["seconds"], vector["exponent"]
    period_key = eid.temporary_key(aes, key, seconds >> 16)
    asked = _hex(eid.identifier(aes, period_key, seconds, exponent))
    frame = bytearray(eddystone.EID_LENGTH)
    eddystone.write_eid(frame, -20)
    turned = eid.Rotation(aes, key, exponent).turn(
        seconds >> 16, seconds & 0xFFFF, frame, eddystone.IDENTIFIER_AT
    )
    said = _hex(eddystone.read(eddystone.service_data(frame)).identifier)
    return _same([asked, said, turned], [vector["identifier"], vector["identifier"], True])


def _url(vector, aes):
    encoded = eddystone.encode_url(vector["url"])
    read = eddystone.read(eddystone.service_data(eddystone.write_url(-20, vector["url"])))
    same = _same([_hex(encoded), read.url, read.tx_dbm_0m], [vector["encoded"], vector["url"], -20])
    return same or _same(eddystone.decode_url(encoded), vector["url"])


def _bad_url(vector, aes):
    try:
        return _hex(eddystone.encode_url(vector["url"]))
    except ValueError:
        return None


def _frame(vector, aes):
    data, says = unhexlify(vector["data"]), vector["says"]
    read = eddystone.read(data)
    if says[0] == "Uid":
        into = bytearray(eddystone.UID_LENGTH)
        eddystone.write_uid(into, says[1], unhexlify(says[2]), unhexlify(says[3]))
        said = ["Uid", read.tx_dbm_0m, _hex(read.namespace), _hex(read.instance)]
        same = _same(_hex(eddystone.service_data(into))[: len(vector["data"])], vector["data"])
    elif says[0] == "Eid":
        said, same = ["Eid", read.tx_dbm_0m, _hex(read.identifier)], None
    elif says[0] == "Url":
        said = ["Url", read.tx_dbm_0m, read.url]
        same = _same(eddystone.service_data(eddystone.write_url(says[1], says[2])), data)
    elif says[0] == "Tlm":
        said, same = ["Tlm", read.battery_mv, read.temperature_c, read.sent, None], None
        same = None if abs(read.uptime_s - says[4]) < says[4] / 1000000 else read.uptime_s
        says = says[:4] + [None]
    else:
        said, same = ["SealedTlm", _hex(read.sealed), _hex(read.salt), _hex(read.check)], None
    return same or _same(said, says)


def _bad_frame(vector, aes):
    try:
        return str(eddystone.read(unhexlify(vector["data"])))
    except ValueError:
        return None


def _ibeacon(vector, aes):
    into = bytearray(ibeacon.LENGTH)
    region = ibeacon.Region(unhexlify(vector["uuid"]), vector["major"], vector["minor"], vector["tx_dbm_1m"])
    ibeacon.write(into, region)
    read = ibeacon.read(bytes(into[7:]))
    said = [_hex(into), _hex(read.uuid), read.major, read.minor, read.tx_dbm_1m]
    return _same(said, [vector[name] for name in ("advertisement", "uuid", "major", "minor", "tx_dbm_1m")])


def _advertisement(vector, aes):
    found = eddystone.service_data(unhexlify(vector["data"]))
    return _same(None if found is None else _hex(found), vector["service"])


def _same(got, wanted):
    return None if got == wanted else "%r, not %r" % (got, wanted)


def _hex(data):
    return hexlify(data).decode()


_CHECKS = {
    "advertisement": _advertisement,
    "bad frame": _bad_frame,
    "bad url": _bad_url,
    "eid": _eid,
    "frame": _frame,
    "ibeacon": _ibeacon,
    "url": _url,
}


def main():
    """On a machine: the vectors' file is the argument."""
    import cryptolib

    with open(sys.argv[1]) as file:
        vectors = [json.loads(line) for line in file]
    for line in wrong(vectors, lambda key: cryptolib.aes(key, 1)):
        print("wrong", line)
    print("checked", len(vectors))


if __name__ == "__main__":
    main()
