"""The one TLS context of every client here: MQTT link, enrolment, attachments.

Rules:
- One certificate authority is trusted, the hub's own, which enrolment pinned by its fingerprint; never the
  system's.
- The host's name is checked; validity dates are not. A street device's clock may be wrong by years, and it
  learns the time over this very connection. The dates of *its* certificate are judged by the hub, whose clock
  is kept.

Source: RFC 5280, section 6; OpenSSL, X509_VERIFY_PARAM_set_flags(3).
"""

import ssl
from pathlib import Path
from typing import Final

from shared.model.errors import DeviceError

_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python's ssl passes on but does not name


class IdentityUnreadableError(DeviceError):
    """The certificate authority, certificate or key cannot be read; enrol this machine again."""


def client_context(
    *, ca_pem: str, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return a context that trusts one authority and shows a certificate.

    Args:
        ca_pem: the hub's certificate authority in PEM.
        certificate: PEM file of the certificate to show; None shows none (enrolment).
        key: PEM file of its private key.

    Raises:
        IdentityUnreadableError: a file is missing, or does not hold what it should.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= _NO_CHECK_TIME
    try:
        context.load_verify_locations(cadata=ca_pem)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise IdentityUnreadableError(f"{IdentityUnreadableError.__doc__} ({error})") from error
    return context
