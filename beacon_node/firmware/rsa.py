"""Whether a signature is the town's: RSA of 3,072 bits with SHA-256, in the padding of PKCS#1 v1.5.

What a right signature must open to is written down whole and compared whole: no padding is parsed, so none is
parsed wrongly. Nothing here is secret.

Source: RFC 8017, sections 8.2.2 and 9.2.
"""

MODULUS_BYTES = 384
EXPONENT = 65537
DIGEST_BYTES = 32
_SHA256 = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"


def is_signed(modulus: bytes, digest: bytes, signature: bytes) -> bool:
    """Return whether a signature is of this digest under this key.

    Args:
        modulus: of the public key, 384 bytes; its exponent is 65,537.
        digest: SHA-256 of what was signed.
        signature: 384 bytes.
    """
    if (len(modulus), len(digest), len(signature)) != (MODULUS_BYTES, DIGEST_BYTES, MODULUS_BYTES):
        return False
    number, said = int.from_bytes(modulus, "big"), int.from_bytes(signature, "big")
    if said >= number or not number & 1:
        return False
    filler = MODULUS_BYTES - 3 - len(_SHA256) - DIGEST_BYTES
    wanted = b"\x00\x01" + b"\xff" * filler + b"\x00" + _SHA256 + digest
    return pow(said, EXPONENT, number) == int.from_bytes(wanted, "big")
