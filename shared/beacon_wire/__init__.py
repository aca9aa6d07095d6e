"""What a beacon says on the air, byte for byte: the same source on CPython and on MicroPython.

So there is no dataclass, no enum and no `typing` here, and what a node does at every rotation allocates
nothing: on its 32-bit machine an integer above 30 bits is an object on the heap, hence Unix seconds as two
halves of 16 bits.
"""
