"""Disk and network for the pure rules of `shared.protocol`: the rim, where I/O stands.

Nothing here decides about delivery; each adapter implements a port or hands small frozen events to its owner.
"""
