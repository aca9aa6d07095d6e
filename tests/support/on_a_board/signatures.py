"""Checks signatures: each line of a file is modulus, digest and signature in hex; prints 0 or 1."""

import sys

from beacon_node.firmware.rsa import is_signed

with open(sys.argv[1]) as rows:
    for row in rows:
        print(int(is_signed(*(bytes.fromhex(each) for each in row.strip().split(";")))))
