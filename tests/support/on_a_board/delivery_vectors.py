"""Holds a node's delivery against the protocol's vectors, in MicroPython and CPython; prints what fails.

`micropython delivery_vectors.py FOLDER RING`: where the vectors lie, and an empty folder for a ring.
"""

import json
import sys
from binascii import hexlify, unhexlify

from beacon_node.firmware import constants as c
from beacon_node.firmware import delivery, mac
from beacon_node.firmware.ring import Lane, Segment

OTHERS = ("another head", "another head at the end")
"""Of `payments` and `cases` alone: there a chain value that differs means something (A-5)."""


class OneLane:
    """A ring of one stream."""

    def __init__(self, lane):
        self.streams = (lane.stream,)
        self.lanes = {lane.stream: lane}


class Me:
    """Who speaks."""

    boot = 1
    reset = firmware = ""
    extra = ()
    up_key = bytes(32)
    down_keys = ()


def stored(folder, name):
    with open(folder + "/" + name + ".jsonl") as file:
        return [json.loads(line) for line in file]


def keys(vector):
    up = mac.hkdf(unhexlify(vector["secret"]), b"vt1 up")
    down = mac.hkdf(unhexlify(vector["secret"]), b"vt1 down")
    said = [hexlify(up).decode(), mac.key_id(up), hexlify(down).decode(), mac.key_id(down)]
    return said == [vector["up"], vector["up_id"], vector["down"], vector["down_id"]]


def macs(vector):
    key, topic, message = unhexlify(vector["key"]), vector["topic"], vector["message"].encode()
    body = mac.opened(key, topic, message)
    if not vector["holds"]:
        return body is None
    return body is not None and body + mac.mac_line(key, topic, body) == message


def chains(vector):
    value = mac.genesis(vector["device"], vector["stream"], vector["epoch"])
    values = [hexlify(value).decode()]
    for line in vector["lines"]:
        is_gap = '"gap_to"' in line
        value = unhexlify(json.loads(line)["head"]) if is_gap else mac.link(value, line.encode())
        values.append(hexlify(value).decode())
    return values == vector["values"]


def answers(vector):
    try:
        delivery.checked_answer(json.loads(vector["body"]))
    except delivery.MessageError:
        return not vector["valid"]
    return vector["valid"]


def dialogue(vector, folder):
    """What the hub says, and what must follow: of what is sent the first batch, because one is in flight."""
    if vector["name"] in OTHERS:
        return True
    Me.device = vector["device"]
    lane = Lane(folder, vector["device"], vector["stream"], 1 << 20)
    for order, told in enumerate(vector["outbox"], 1):
        start = mac.genesis(vector["device"], vector["stream"], told["epoch"])
        lane._open = Segment(order, told["epoch"], 0, start)
        lane.segments.append(lane._open)
        for line in told["lines"]:
            lane.append(told["epoch"], lambda _, line=line: line.encode())
    session = delivery.Session(Me, OneLane(lane), bytes)
    session.state, session.session, now_ms = delivery.STREAMING, "s", 0
    session._keep_alive(1 << 29)
    for n, step in enumerate(vector["steps"], 1):
        must = step["must"]
        if "wait_ms" in step:
            now_ms += step["wait_ms"]
        else:
            ack = {"incarnation": 1, "n": n, "session": "s", "time_ms": 0}
            ack["streams"] = {vector["stream"]: step["hear"]}
            session._acknowledgement(ack, now_ms, 0)
        out = [payload for topic, payload in session.tick(now_ms) if "/up/birth" not in topic]
        if (session.state == delivery.BIRTH_SENT) != must["births"]:
            return False
        if "acked" in must and [each[4] for each in lane.epochs()] != must["acked"]:
            return False
        sent = [json.loads(payload.split(b"\n")[0]) for payload in out]
        first = must["sends"][:1]
        if [{name: each[name] for name in wanted} for each, wanted in zip(sent, first)] != first:
            return False
        if len(sent) != len(first):
            return False
    return True


def clean(folder):
    import os

    for name in os.listdir(folder):
        for file in os.listdir(folder + "/" + name):
            os.remove(folder + "/" + name + "/" + file)
        os.rmdir(folder + "/" + name)


def main(folder, ring):
    checks = {"keys": keys, "mac": macs, "chain": chains, "answers": answers}
    count = 0
    for name, check in checks.items():
        for vector in stored(folder, name):
            count += 1
            if not check(vector):
                print("wrong", name, vector["name"])
    for vector in stored(folder, "device_dialogues"):
        count += 1
        if not dialogue(vector, ring):
            print("wrong", "device_dialogues", vector["name"])
        clean(ring)
    print("held", count, c.MICRO_FRAME_LINES_MAX)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
