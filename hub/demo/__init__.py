"""The demonstration: a street, a hub and a core as real processes, faults on stage, and the sum at the end.

It uses what everyone can use: the commands, HTTPS, events as JSON lines. Nothing of the product knows it.
"""
