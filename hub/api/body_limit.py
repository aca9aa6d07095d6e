"""No body is longer than any honest call, whoever sends it: bodies are read before tokens are looked at.

A length that is announced is refused at once; one that is not is cut off while it is read.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.errors import BodyTooLongError
from hub.api.problems import problem

BODY_BYTES_MAX: Final = 1024 * 1024
"""A reconciliation of 2,000 events has about 300 KB."""


class BodyLimit:
    """Stands in front of the application."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that is announced as too long, and count one that is not announced."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > BODY_BYTES_MAX:
            await problem(BodyTooLongError(BodyTooLongError.__doc__))(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_BYTES_MAX:
                raise BodyTooLongError(BodyTooLongError.__doc__)
            return message

        await self._app(scope, counted, send)
