"""Holds a node's settings and commands against the protocol's vectors, in MicroPython; prints what fails.

`micropython guidance_vectors.py FOLDER FLASH`: where the vectors lie, and an empty folder.
"""

import json
import os
import sys
from binascii import unhexlify

from beacon_node.firmware.answers import MessageError
from beacon_node.firmware.delivery import STREAMING, Session
from beacon_node.firmware.guidance import Guidance
from beacon_node.firmware.twin import Twin

FOREIGN = "what cannot be"
"""Its setting is of a screen: a node passes it over, and has its own case below."""


class Me:
    """Who speaks."""

    device = "kiosk-7"

    def __init__(self, key):
        self.down_keys = (key,)


class Link:
    """What guidance speaks through."""

    connects = refused = 0

    def __init__(self, key):
        self.session = Session(Me(key), None, os.urandom)
        self.session.state = STREAMING
        self.dialled = 1
        self.now_ms = 0
        self.said = []

    def uptime_ms(self):
        return self.now_ms

    def dial_anew(self):
        self.dialled += 1

    def publish(self, verb, members):
        self.said.append((verb, members))


class Node:
    """Whose settings they are."""

    def __init__(self, path):
        self.twin = Twin(path)

    def put_in_force(self, doc):
        self.doc = doc


class Life:
    """One vector's node."""

    def __init__(self, vector, path):
        self.node = Node(path + ".twin")
        self.link = Link(unhexlify(vector["key"]))
        self.guidance = Guidance(self.node, dict, path + ".orders")
        self.guidance.attach(self.link)

    def hear(self, step, hub_ms):
        self.link.session.offset_ms = None if hub_ms is None else hub_ms - self.link.now_ms
        self.link.said = []
        try:
            self.guidance.hear(step["topic"], step["message"].encode())
        except MessageError:
            pass

    def happen(self, step):
        if step["happen"] == "reach":
            self.guidance.began()
        else:
            self.link.now_ms += step["ms"]
        self.guidance.turn()


def stored(folder, name):
    with open(folder + "/" + name + ".jsonl") as file:
        return [json.loads(line) for line in file]


def dashed(version):
    return version and "%d-%d" % tuple(version)


def twin(vector, path):
    life = Life(vector, path)
    for step in vector["steps"]:
        if "happen" in step:
            life.happen(step)
        else:
            life.hear(step, 1)
    said, must = Twin(path + ".twin").report(), vector["reported"]
    if must is None or said is None:
        return said is must
    found = {"version": dashed(said["version"]), "state": said["state"], "in_force": dashed(said["in_force"])}
    return all(found[name] == must[name] for name in must)


def command(vector, path):
    life = Life(vector, path)
    for step in vector["steps"]:
        life.hear(step, step["now_ms"])
        if [said["state"] for verb, said in life.link.said if verb == "result"] != step["must"]:
            return False
    return True


def main(folder, flash):
    held = []
    for kind, check in (("twins", twin), ("commands", command)):
        held.append(0)
        for vector in stored(folder, kind):
            if vector["name"] == FOREIGN:
                continue
            if check(vector, "%s/%s%d" % (flash, kind, held[-1])):
                held[-1] += 1
            else:
                print(kind, vector["name"])
    print("held", *held)


main(*sys.argv[1:])
