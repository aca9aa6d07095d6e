"""The sentences that citizens see and hear, collected from the code, and the files of their translators.

`python -m tests.architecture.translations` (`make translations`) brings `kiosk_app/languages/*.po` to what
the code says: new sentences stand there with an empty translation, those that nobody says any more are gone.
The tests that compare them say so when they differ.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from shared.model.wording import Language
from tests.architecture.tree import ROOT, Module, product_modules

MEND = "Mend with: make translations, and write what is empty"
FOLDER = ROOT / "kiosk_app/languages"
TRANSLATED = (Language.CA, Language.EN)
KEYS_IN: Final[Mapping[str, slice]] = {"say": slice(0, 1), "say_counted": slice(1, 3)}
"""The functions that make a sentence, and which of their arguments are its key."""


def sentences() -> Mapping[str, Sequence[str]]:
    """Every sentence by its Spanish text, with the files that say it."""
    found: dict[str, list[str]] = {}
    for module in product_modules():
        if module.within("kiosk_app"):
            for key in keys_of(module):
                places = found.setdefault(key, [])
                places += [] if module.path in places else [module.path]
    return found


def keys_of(module: Module) -> Iterator[str]:
    """Every key in a file; what is not written out there, as no tool can find it, is not among them."""
    for key in _arguments(module):
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and _is_sentence(key.value):
            yield key.value


def unfindable(module: Module) -> Iterator[str]:
    """Every sentence that no tool can find, since its key is put together when the program runs."""
    for key in _arguments(module):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            yield f"{module.path}:{key.lineno}: say() wants its sentence written out; give parts by name"


def read(language: Language) -> Catalog:
    """Read a translator's file."""
    with BytesIO(path(language).read_bytes()) as file:
        return read_po(file, locale=str(language), abort_invalid=True)


def path(language: Language) -> Path:
    """Where a translator's file lies."""
    return FOLDER / f"{language}.po"


def updated(before: Catalog) -> bytes:
    """Return a translator's file as it should be: every sentence, no other, sorted."""
    after = Catalog(locale=before.locale, header_comment=before.header_comment, fuzzy=False, charset="utf-8")
    for key, places in sentences().items():
        message = before.get(key)
        text = "" if message is None or message.fuzzy else message.string
        comments = [] if message is None else message.user_comments
        after.add(key, text, [(place, 0) for place in places], user_comments=comments)
    with BytesIO() as file:
        write_po(file, after, width=0, include_lineno=False, sort_output=True, omit_header=True)
        return header(before) + file.getvalue()


def header(catalog: Catalog) -> bytes:
    """The first lines of a translator's file; no date, so that the file changes with its sentences alone."""
    lines = [
        'msgid ""',
        'msgstr ""',
        f'"Language: {catalog.locale_identifier}\\n"',
        '"MIME-Version: 1.0\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    ]
    told = (line.lstrip("# ") for line in catalog.header_comment.splitlines())
    comment = "".join(f"# {line}\n" for line in told)
    return (comment + "\n".join(lines) + "\n\n").encode()


def _arguments(module: Module) -> Iterator[ast.expr]:
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in KEYS_IN:
                yield from arguments[KEYS_IN[name]]
            case _:
                pass


def _is_sentence(text: str) -> bool:
    """Tell a sentence from a frame that holds nothing but parts."""
    outside = "".join(part.rpartition("}")[2] for part in text.split("{"))
    return any(character.isalpha() for character in outside)


if __name__ == "__main__":
    for language in TRANSLATED:
        path(language).write_bytes(updated(read(language)))
