"""Every sentence that a citizen meets stands in every language, whole; no other sentence is kept."""

import re

import pytest
from babel.messages.catalog import Message

from kiosk_app.languages.catalogue import catalogue, parts_of
from shared.model.translations import KEY_LENGTH_MAX
from shared.model.wording import Language
from tests.architecture import translations
from tests.architecture.translations import MEND, TRANSLATED, sentences
from tests.architecture.tree import Module, product_modules

# Sentences that are the same in both languages, and meant so.
THE_SAME = {
    Language.CA: {
        "A volada",
        "O volada",
        "Coma",
        "Foto {number}",
        "Fotos",
        "Imprimir",
        "No",
        "PIN",
        "Saldo",
        "Una idea",
        "{place} de {count}",
        "{zones}, del {first} al {last}",
    },
    Language.EN: {"No", "PIN"},
}
FORMS_OF_TU = {
    "ets",
    "tens",
    "vols",
    "pots",
    "teu",
    "teua",
    "teus",
    "teues",
    "eres",
    "tienes",
    "quieres",
    "tu",
}

FORMS_OF_THE_NORTH = re.compile(r"\b(aquests?|aquestes|aquesta|serveis?|sortir|avui|aviat)\b", re.IGNORECASE)


def messages(language: Language) -> dict[str, Message]:
    return {str(message.id): message for message in translations.read(language) if message.id}


def test_sentence_of_the_kiosk_is_written_out_where_it_is_said() -> None:
    ours = [module for module in product_modules() if module.within("kiosk_app")]
    found = [
        line
        for module in ours
        if module.path != "kiosk_app/core/words.py"
        for line in translations.unfindable(module)
    ]
    assert not found, "\n".join(found)


def test_sentence_put_together_as_the_program_runs_is_noticed() -> None:
    module = Module.parse("kiosk_app/page.py", 'say("Uno")\nsay(f"Dos {x}")\nsay_counted(n, "Una", "Unas")')
    assert [*translations.unfindable(module)] == [
        "kiosk_app/page.py:2: say() wants its sentence written out; give parts by name"
    ]
    assert [*translations.keys_of(module)] == ["Uno", "Una", "Unas"]


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_are_of_the_sentences_that_are_said_and_of_no_others(language: Language) -> None:
    assert sentences().keys() - messages(language).keys() == set(), MEND
    assert messages(language).keys() - sentences().keys() == set(), MEND


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_is_translated_whole(language: Language) -> None:
    there = messages(language)
    assert not [key for key, message in there.items() if not message.string or message.fuzzy], MEND
    wrong = [key for key, message in there.items() if parts_of(str(message.string)) != parts_of(key)]
    assert not wrong, "parts differ"
    assert catalogue(language) == {key: message.string for key, message in there.items()}


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_is_not_left_in_spanish(language: Language) -> None:
    same = {key for key, message in messages(language).items() if message.string == key}
    assert same == THE_SAME[language]
    marks = [key for key, message in messages(language).items() if set(str(message.string)) & set("¿¡ñ")]
    assert not marks


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentence_ends_as_its_original_does(language: Language) -> None:
    ends = {key: str(message.string)[-1] for key, message in messages(language).items()}
    assert not [key for key, end in ends.items() if (key[-1] in ".?:}") != (end in ".?:}")]


@pytest.mark.parametrize("language", TRANSLATED)
def test_citizen_is_addressed_with_respect(language: Language) -> None:
    words = {key: set(key.lower().split()) for key in sentences()} | {
        str(message.string): set(str(message.string).lower().split())
        for message in messages(language).values()
    }
    assert not [text for text, parts in words.items() if parts & FORMS_OF_TU]


def test_apostrophe_is_the_one_of_print_and_forms_are_those_of_valencia() -> None:
    texts = {
        language: [str(message.string) for message in messages(language).values()] for language in TRANSLATED
    }
    assert not [text for every in texts.values() for text in every if "'" in text]
    assert not [text for text in texts[Language.CA] if FORMS_OF_THE_NORTH.search(text)]


def test_sentence_is_short_enough_for_the_town_to_write_its_own() -> None:
    assert not [key for key in sentences() if len(key) > KEY_LENGTH_MAX]
    assert not [key for key in sentences() if parts_of(key) is None]
