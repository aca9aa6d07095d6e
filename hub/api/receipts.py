"""A citizen's receipt, looked at by whoever holds it: a plain page, and the keys to check it with.

    GET /verify?r=VT1:…&lang=ca       a page for people: is it genuine, and has the hub it yet
    GET /verify/keys                  the town's public keys, for `ventanilla verify`

Open to everyone. The page needs no script and no style from elsewhere, and says nothing but what the receipt
itself says and whether it has arrived: who holds a receipt holds its number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from hub.db.arrivals import Arrival, arrival_of
from hub.db.writer import Writer
from hub.keys.entries import DeviceState
from hub.keys.records import HubKeyRole
from hub.keys.registry import Registry, UnknownDeviceError
from shared.model.wording import Language, Wording
from shared.protocol.receipt_words import receipt_said, verdict_said
from shared.protocol.receipts import (
    SHOWN_LENGTH_MAX,
    TOWN_KEYS_MAX,
    Judgement,
    Receipt,
    TownKeys,
    Verdict,
    judge,
)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _words(es: str, ca: str, en: str) -> Wording:
    return Wording(es=es, ca=ca, en=en, extra={})


_TITLE: Final = _words("Comprobar un recibo", "Comprovar un rebut", "Check a receipt")
_LABEL: Final = _words("Texto del recibo", "Text del rebut", "Text of the receipt")
_CHECK: Final = _words("Comprobar", "Comprovar", "Check")
_ARRIVAL: Final = {
    Arrival.ARRIVED: _words(
        "El ayuntamiento ya lo tiene.", "L'ajuntament ja el té.", "The town hall has it already."
    ),
    Arrival.NOT_YET: _words(
        "Todavía no ha llegado al ayuntamiento: está guardado en el equipo y llegará solo.",
        "Encara no ha arribat a l'ajuntament: està desat a l'equip i arribarà tot sol.",
        "It has not reached the town hall yet: it is safe on the device and will come by itself.",
    ),
    Arrival.LOST: _words(
        "El equipo ya no puede enviarlo. Lleve este recibo al ayuntamiento.",
        "L'equip ja no pot enviar-lo. Porte aquest rebut a l'ajuntament.",
        "The device cannot send it any more. Take this receipt to the town hall.",
    ),
}
_REVOKED: Final = _words(
    "Este equipo está dado de baja. Pregunte en el ayuntamiento.",
    "Aquest equip està donat de baixa. Pregunteu a l'ajuntament.",
    "This device is out of service for good. Ask the town hall.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDesk:
    """What receipts are looked at with.

    Attributes:
        town: what the town is called.
        registry: its keys and devices.
        writer: the database.
    """

    town: str
    registry: Registry
    writer: Writer

    def keys(self) -> TownKeys:
        """Return the town's public keys, retired ones too."""
        listed = self.registry.hub_keys(HubKeyRole.SIGNING)[:TOWN_KEYS_MAX]
        return TownKeys(town=self.town, keys=tuple(key.public for key in listed))

    def further(self, judgement: Judgement) -> list[Wording]:
        """Return what the hub knows besides, of a genuine receipt."""
        receipt = judgement.receipt
        if judgement.verdict is not Verdict.GENUINE or receipt is None:
            return []
        with self.writer.read() as connection:
            arrival = arrival_of(connection, receipt.device, receipt.stream, receipt.epoch, receipt.seq)
        return [_ARRIVAL[arrival], *([_REVOKED] if self._is_revoked(receipt) else [])]

    def _is_revoked(self, receipt: Receipt) -> bool:
        try:
            return self.registry.device(receipt.device).state is DeviceState.REVOKED
        except UnknownDeviceError:
            return True


def receipts_router(desk: ReceiptDesk) -> APIRouter:
    """Return the routes of whoever holds a receipt."""
    router = APIRouter(tags=["receipts"])

    @router.get("/verify", response_class=Response, responses={200: {"content": {"text/html": {}}}})
    def verify(
        r: Annotated[str, Query(max_length=SHOWN_LENGTH_MAX)] = "",
        lang: Language = Language.ES,
    ) -> Response:
        """Look at a receipt: a page for people."""
        page = _page(desk.town, r, lang, lambda: _lines(desk, r, lang))
        return Response(page, media_type="text/html; charset=utf-8", headers=_HEADERS)

    @router.get(
        "/verify/keys", response_class=Response, responses={200: {"content": {"application/json": {}}}}
    )
    def keys() -> Response:
        """The town's public keys, with which a receipt is checked without asking anybody."""
        return Response(desk.keys().to_body(), media_type="application/json")

    return router


def _lines(desk: ReceiptDesk, shown: str, language: Language) -> list[str]:
    judgement = judge(shown, desk.keys().by_id())
    said = receipt_said(judgement, language)
    lines = [verdict_said(judgement, language), *([said] if said else [])]
    return [*lines, *(words.in_language(language) for words in desk.further(judgement))]


def _page(town: str, shown: str, language: Language, lines: Callable[[], list[str]]) -> str:
    title, label, check = (words.in_language(language) for words in (_TITLE, _LABEL, _CHECK))
    verdict = "".join(f"<p>{escape(line)}</p>" for line in (lines() if shown else []))
    others = " · ".join(
        f'<a lang="{each}" href="?lang={each}&amp;r={escape(_in_address(shown))}">{name}</a>'
        for each, name in ((Language.ES, "Español"), (Language.CA, "Català"), (Language.EN, "English"))
    )
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – {escape(town)}</title><style>{_STYLE}</style></head>"
        f"<body><header>{escape(town)}</header><main><h1>{escape(title)}</h1>"
        f'<div role="status">{verdict}</div>'
        f'<form method="get"><input type="hidden" name="lang" value="{language}">'
        f'<label for="r">{escape(label)}</label>'
        f'<textarea id="r" name="r" rows="6" spellcheck="false">{escape(shown)}</textarea>'
        f"<button>{escape(check)}</button></form></main><nav>{others}</nav></body></html>\n"
    )


def _in_address(shown: str) -> str:
    return quote(shown, safe=":/")


_STYLE: Final = (
    "body{margin:0;background:#FAF7F2;color:#14212B;font:1.15rem/1.5 system-ui,sans-serif}"
    "header{background:#0B4F5C;color:#fff;padding:1rem}main,nav{max-width:40rem;margin:auto;padding:1rem}"
    "label{display:block}textarea{width:100%;box-sizing:border-box;font:inherit;word-break:break-all}"
    "button{background:#F5B335;color:#14212B;border:0;border-radius:.5rem;font:inherit;padding:.8rem 1.4rem}"
    "[role=status] p:first-child{font-size:1.5rem;font-weight:700}a{color:#0B4F5C}"
    ":focus-visible{outline:3px solid #0B4F5C;outline-offset:2px}"
)
