"""What bundles carry: read as it was written, refused with its place, in Spanish where a language lacks."""

import json
from typing import Any

import pytest

from shared.model.agenda import Agenda
from shared.model.catalogue import Catalogue
from shared.model.deny_list import DenyList
from shared.model.fares import Fares
from shared.model.translations import Translations
from shared.model.wording import Language
from shared.protocol.bundle import HUB_KEYS, BundleError, HubPublicKeys
from shared.protocol.contents import Content, ContentError, read_content
from shared.protocol.sealing import HubSealingKey

NAME = {"es": "Alumbrado público", "en": "Street lights"}
GOOD: dict[str, dict[str, Any]] = {
    "deny-list": {"subjects": ["5f1d", "91c2"], "reason": "kept"},
    "catalogue": {
        "services": [
            {
                "service_code": "alumbrado",
                "service_name": NAME,
                "description": {"es": "Farolas"},
                "group": "Vía pública",
                "keywords": ["luz"],
                "attributes": [
                    {
                        "code": "tipo",
                        "datatype": "singlevaluelist",
                        "required": True,
                        "description": {"es": "¿Qué pasa?"},
                        "values": [{"key": "1", "name": {"es": "Apagada"}}, {"key": "2", "name": NAME}],
                        "order": 1,
                    },
                    {
                        "code": "farola",
                        "datatype": "string",
                        "required": False,
                        "description": {"es": "Número"},
                    },
                ],
                "type": "realtime",
            },
            {"service_code": "aceras", "service_name": {"es": "Aceras"}},
        ]
    },
    "agenda": {
        "items": [
            {
                "id": "corte-agua-12",
                "version": 1,
                "kind": "notice",
                "title": {"es": "Corte de agua", "ca": "Tall d'aigua", "gl": "Corte de auga"},
                "text": {"es": "El lunes de 9 a 14 h."},
                "from": "2026-11-20T00:00:00Z",
                "until": "2026-11-24T00:00:00Z",
                "begins": "2026-11-23T08:00:00Z",
                "ends": "2026-11-23T13:00:00Z",
                "place": "Plaza Mayor",
                "colour": "red",
            }
        ]
    },
    "fares": {
        "products": [
            {"product": "sencillo", "name": {"es": "Sencillo"}, "amount_minor": 130, "currency": "EUR"}
        ]
    },
    "translations": {"texts": {"home.title": {"es": "¿Qué necesita?", "ca": "Què necessita?"}}},
}


def read(name: str, data: object) -> Content | None:
    return read_content(name, json.dumps(data).encode())


def changed(name: str, path: str, value: object) -> dict[str, Any]:
    """A good file with something else at a place, such as `items.0.title`; None takes it out."""
    data = json.loads(json.dumps(GOOD[name]))
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = data
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize("name", GOOD)
def test_file_is_read_as_it_was_written_with_what_nobody_knows(name: str) -> None:
    content = read(name, GOOD[name])
    assert content is not None
    assert not isinstance(content, HubPublicKeys)
    assert content.to_data() == GOOD[name]


@pytest.mark.sentence("W-12")
@pytest.mark.parametrize(
    ("name", "path", "value", "says"),
    [
        ("deny-list", "subjects", None, "subjects is a list"),
        ("deny-list", "subjects", "5f1d", "subjects is a list"),
        ("deny-list", "subjects.1", 7, "subjects[1] is a text of 1 to 128"),
        ("deny-list", "subjects.0", "x" * 129, "subjects[0] is a text"),
        ("catalogue", "services", [], "services has at least one entry"),
        ("catalogue", "services", ["x"], "services[0] is an object"),
        ("catalogue", "services.1.service_name", "Aceras", "services[1].service_name is an object"),
        ("catalogue", "services.1.service_name.es", "", "services[1].service_name.es is a text"),
        ("catalogue", "services.1.service_name.es", None, "services[1].service_name.es is a text"),
        ("catalogue", "services.0.service_name.en", 7, "services[0].service_name.en is a text"),
        ("catalogue", "services.1.service_code", "alumbrado", "services[1].service_code is the one of"),
        (
            "catalogue",
            "services.0.attributes.0.datatype",
            "colour",
            "services[0].attributes[0].datatype is one",
        ),
        ("catalogue", "services.0.attributes.0.values", [], "services[0].attributes[0].values are there"),
        ("catalogue", "services.0.attributes.0.values.1.key", "1", "attributes[0].values[1].key is the one"),
        ("catalogue", "services.0.attributes.1.required", 1, "services[0].attributes[1].required is true or"),
        ("catalogue", "services.0.attributes.1.code", "tipo", "services[0].attributes[1].code is the one"),
        ("agenda", "items.0.until", "2026-11-19T00:00:00Z", "items[0].until is later than from"),
        ("agenda", "items.0.until", None, "items[0].until is a text"),
        ("agenda", "items.0.from", "yesterday", "items[0].from: an instant is written"),
        ("agenda", "items.0.ends", "2026-11-23T07:00:00Z", "items[0].ends comes after begins"),
        ("agenda", "items.0.begins", None, "items[0].ends comes after begins"),
        ("agenda", "items.0.kind", "rumour", "items[0].kind is one of notice, event, information"),
        ("agenda", "items.0.text.es", "x" * 4_001, "items[0].text.es is a text of 1 to 4000"),
        ("fares", "products", [], "products has at least one entry"),
        ("fares", "products.0.amount_minor", -1, "products[0].amount_minor is a whole number"),
        ("fares", "products.0.amount_minor", 1.3, "products[0].amount_minor is a whole number"),
        ("fares", "products.0.currency", "eur", "products[0].currency: a currency"),
        ("translations", "texts", [], "texts is an object"),
        ("translations", "texts.home", {"es": "a\0b"}, "texts.home.es has a character"),
        ("translations", "texts.home", {"es": "\ud800"}, "a number or character is none"),
        ("translations", "texts." + "k" * 129, {"es": "x"}, "texts.keys are at most"),
    ],
)
def test_file_that_no_device_could_read_is_refused_with_the_place(
    name: str, path: str, value: object, says: str
) -> None:
    with pytest.raises(ContentError) as refused:
        read(name, changed(name, path, value))
    said = str(refused.value)
    assert said.startswith(f"{name}: ")
    assert said.endswith("; correct the file and publish it again")
    assert says in said


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"subjects":[\n"a",\n]}', "line 3, column 1 is no JSON"),
        (b'{"subjects":["\xff"]}', "byte 14 is no UTF-8"),
        (b"[1]", "the file is one JSON object"),
        (b'{"subjects":[],"subjects":[]}', "a member stands twice"),
        (b"[" * 100_000, "beyond what anyone reads"),
    ],
)
def test_file_that_is_no_json_object_is_refused_with_the_place(body: bytes, says: str) -> None:
    with pytest.raises(ContentError, match=says):
        read_content("deny-list", body)


@pytest.mark.sentence("W-12")
def test_name_that_nobody_reads_travels_as_it_is() -> None:
    assert read_content("content", b"\xff\x00") is None


def test_keys_of_the_hub_are_read_like_the_rest() -> None:
    keys = HubPublicKeys(signing=(b"\1" * 32,), sealing=HubSealingKey.generate().public().raw)
    assert read_content(HUB_KEYS, keys.to_body()) == keys
    with pytest.raises(BundleError):
        read_content(HUB_KEYS, b'{"signing":[],"sealing":"aa"}')


@pytest.mark.sentence("W-12")
def test_text_that_lacks_a_language_is_shown_in_spanish() -> None:
    agenda = read("agenda", GOOD["agenda"])
    assert isinstance(agenda, Agenda)
    title = agenda.items[0].title
    shown = [title.in_language(language) for language in (Language.ES, Language.CA, Language.EN)]
    assert shown == ["Corte de agua", "Tall d'aigua", "Corte de agua"]
    texts = read("translations", GOOD["translations"])
    assert isinstance(texts, Translations)
    assert texts.text("home.title", Language.EN) == "¿Qué necesita?"
    assert texts.text("other", Language.EN) is None


def test_item_is_shown_from_its_first_instant_until_before_its_last() -> None:
    agenda = read("agenda", GOOD["agenda"])
    assert isinstance(agenda, Agenda)
    (item,) = agenda.items
    shown = [
        len(agenda.current(at)) for at in (item.from_ms - 1, item.from_ms, item.until_ms - 1, item.until_ms)
    ]
    assert shown == [0, 1, 1, 0]


def test_contents_are_of_their_kind() -> None:
    kinds = {name: type(read(name, data)) for name, data in GOOD.items()}
    assert kinds == {
        "deny-list": DenyList,
        "catalogue": Catalogue,
        "agenda": Agenda,
        "fares": Fares,
        "translations": Translations,
    }
