"""The hub's HTTPS application: who may ask, what a failure is answered with, and which routers there are.

Open to everyone: `/health`, which says nothing but that the process lives; the three calls of a device that
has no identity yet; those about photographs, bundles, firmware and citizens' questions, which carry a
device's MAC; a photograph's own address, as long as it holds; the page that looks at a receipt; and what is
said at beacons. Everything else wants the hub's API token: `Authorization: Bearer <token>`.

Not here: the socket and the certificate (`hub.main`), any rule.
"""

from importlib.metadata import version
from typing import Annotated

from fastapi import Depends, FastAPI, Header

from hub.api.attachments import attachments_router, media_router, upload_router
from hub.api.beacons import beacons_router
from hub.api.body_limit import BodyLimit
from hub.api.card_register import card_register_router
from hub.api.cards import Brake, cards_router
from hub.api.clerk import clerk_router
from hub.api.devices import devices_router
from hub.api.enrolment import enrolment_router
from hub.api.firmware import firmware_router, node_firmware_router
from hub.api.fleet import bodies_router, fleet_router
from hub.api.operations import health_router, operations_router
from hub.api.parts import Parts
from hub.api.phones import phones_router
from hub.api.problems import PROBLEMS, answer_with_problems
from hub.api.questions import questions_router
from hub.api.receipts import ReceiptDesk, receipts_router
from hub.api.reconciliation import reconciliation_router
from hub.api.registers import registers_router
from hub.keys.enrolment import Enrolment
from hub.keys.hub_keys import ApiTokenError, HubKeys


def build_app(parts: Parts) -> FastAPI:
    """Put the application together."""
    app = FastAPI(
        title="Ventanilla hub",
        version=version("ventanilla"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=PROBLEMS,
    )
    app.add_middleware(BodyLimit)
    answer_with_problems(app)
    app.include_router(health_router())
    app.include_router(enrolment_router(parts.enrolment, parts.room.keys, parts.room.authority.pem))
    app.include_router(upload_router(parts.attachments))
    app.include_router(media_router(parts.attachments, parts.media_links, parts.clock))
    app.include_router(bodies_router(parts.writer, parts.room.registry))
    app.include_router(node_firmware_router(parts.firmware, parts.room.registry))
    app.include_router(questions_router(parts.writer, parts.room.registry, parts.clock))
    brake = Brake(parts.relay, parts.lost_cards, parts.clock)
    app.include_router(cards_router(parts.relay, brake, parts.room.registry, parts.room.keys.sealing))
    desk = ReceiptDesk(town=parts.town, registry=parts.room.registry, writer=parts.writer)
    app.include_router(receipts_router(desk))
    app.include_router(phones_router(parts.phones, parts.town, parts.clock))
    guarded = [Depends(TokenGuard(parts.room.keys))]
    app.include_router(operations_router(parts, app.openapi), dependencies=guarded)
    for router in (
        devices_router(parts),
        clerk_router(parts),
        card_register_router(parts),
        beacons_router(parts),
        firmware_router(parts.firmware),
        registers_router(parts),
        reconciliation_router(parts),
        attachments_router(parts.attachments),
        fleet_router(parts.fleet, parts.writer),
    ):
        app.include_router(router, prefix="/v1", dependencies=guarded)
    return app


def build_enrolment_app(enrolment: Enrolment, keys: HubKeys, authority_pem: str) -> FastAPI:
    """Put an application together that enrols devices and does nothing else."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit)
    app.include_router(enrolment_router(enrolment, keys, authority_pem))
    return app


class TokenGuard:
    """Lets pass who shows the hub's API token."""

    def __init__(self, keys: HubKeys) -> None:
        """Take the keys, which compare in constant time."""
        self._keys = keys

    def __call__(self, authorization: Annotated[str, Header()] = "") -> None:
        """Check a request.

        Raises:
            ApiTokenError: no token, or another one.
        """
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise ApiTokenError(ApiTokenError.__doc__)
        self._keys.check_api_token(shown.strip())
