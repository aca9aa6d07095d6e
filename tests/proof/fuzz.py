"""`python -m tests.proof.fuzz RUNS [SEED]`: readers of bytes from outside, by a fuzzer that sees branches.

The first byte of an input chooses the reader, the rest is what it reads. The fuzzer begins with the published
vectors, changes their bytes, and as often a value of their JSON, and keeps whatever took a branch that
nothing took before. A reader may raise `InputError` and nothing else; what was read and can be written again
reads back the same.

Source: libFuzzer, by atheris.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import atheris

from shared.model.errors import InputError

_ROOMS: Final = ["hub.core", "kiosk_app.town", "shared"]
with atheris.instrument_imports(include=_ROOMS):  # pyright: ignore[reportAttributeAccessIssue] - has no stub
    from hub.core import open311_services, open311_wire
    from kiosk_app.town.town import Town
    from shared.edge.event_lines import EventReader, read_question
    from shared.edge.pseudonyms import Pseudonyms
    from shared.protocol import (
        acknowledgement,
        birth,
        bundle,
        command,
        contents,
        enrolment,
        frame,
        lines,
        mac,
        parsing,
        reported,
        topics,
        twin,
    )

VECTORS: Final = Path(__file__).parents[1] / "vectors"
INPUT_BYTES_MAX: Final = 8_192
EVENT_ID: Final = "019aa5e7-a750-74e7-a203-533e24632a25"
BYTES_SHARE: Final = 0.4
DEEPER_SHARE: Final = 0.8
WORDS: Final = ("", "\0", "\ud800", "é", "1", "payments", "9" * 30, "x" * 300, "../..", "null")
HOSTILE: Final = (None, True, 0, -1, 2**53, 2**70, 1e308, float("nan"), "", [], {}, [[]] * 40, *WORDS)
Read = Callable[[bytes], object]


def _again(read: Read, write: Callable[[Any], bytes]) -> Read:
    """A reader whose values are written and read back."""

    def check(raw: bytes) -> object:
        value = read(raw)
        back = read(write(value))
        if back != value:
            message = f"{value!r} reads back as {back!r}"
            raise AssertionError(message)
        return value

    return check


def _write_answer(value: acknowledgement.Welcome | acknowledgement.Acknowledgement) -> bytes:
    is_welcome = isinstance(value, acknowledgement.Welcome)
    return (
        acknowledgement.encode_welcome(value) if is_welcome else acknowledgement.encode_acknowledgement(value)
    )


def _content(name: str) -> Read:
    return lambda raw: contents.read_content(name, raw)


READERS: Final[dict[str, Read]] = {
    "frame": _again(frame.decode_frame, frame.encode_frame),
    "birth": _again(birth.decode_birth, birth.encode_birth),
    "answer": _again(acknowledgement.decode_answer, _write_answer),
    "desired": _again(twin.decode_desired, twin.encode_desired),
    "reported": _again(reported.decode_reported, reported.encode_reported),
    "command": _again(command.decode_command, command.encode_command),
    "result": _again(command.decode_result, command.encode_result),
    "notice": _again(bundle.decode_notice, bundle.encode_notice),
    "line": lambda raw: lines.read_line(raw, 1),
    "gap": lines.read_gap,
    "object": parsing.parse_object,
    "mac": lambda raw: mac.open_message({"0a4011cb": bytes(32)}, "vt/1/kiosk-7/down/desired", raw),
    "topic": lambda raw: topics.parse_up(raw.decode(errors="replace")),
    "token": lambda raw: enrolment.Token.parse(raw.decode(errors="replace")),
    "question": read_question,
    "event": lambda raw: EventReader("kiosk-7", Pseudonyms(bytes(32))).read(raw, EVENT_ID),
    "definition": open311_services.read_definition,
    "rows": open311_wire.read_rows,
    "posted": open311_wire.read_posted,
    "town": lambda raw: Town.from_geojson(_json(raw)),
    **{name: _content(name) for name in (bundle.DENY_LIST, bundle.HUB_KEYS, "agenda", "catalogue", "fares")},
    **{name: _content(name) for name in ("translations", "report-status")},
}


def _json(raw: bytes) -> object:
    try:
        return cast("object", json.loads(raw))
    except (ValueError, RecursionError):
        raise InputError("no JSON") from None


def try_one(data: bytes) -> None:
    """Give an input to the reader that it chooses."""
    if data:
        read = list(READERS.values())[data[0] % len(READERS)]
        try:
            read(data[1:])
        except InputError:
            return


def mutate(data: bytes, size_max: int, seed: int) -> bytes:
    """Change an input: its bytes as the fuzzer does, or one value of the JSON in it."""
    random = Random(seed)
    try:
        value = cast("object", json.loads(data[1:]))
    except (ValueError, RecursionError):
        value = None
    if value is None or random.random() < BYTES_SHARE:
        return atheris.Mutate(data, size_max)
    changed = json.dumps(_changed(value, random), ensure_ascii=random.random() < BYTES_SHARE)
    return (data[:1] + changed.encode(errors="surrogatepass"))[:size_max]


def _changed(value: object, random: Random) -> object:
    """Change one place of a value: deeper, or here."""
    inside = bool(value) and isinstance(value, dict | list) and random.random() < DEEPER_SHARE
    if isinstance(value, dict):
        members = dict(cast("dict[str, object]", value))
        name = random.choice([*members, "v"])
        if inside:
            return {**members, name: _changed(members.get(name), random)}
        members.pop(name, None)
        return random.choice([members, {**members, random.choice(WORDS): 1}, random.choice(HOSTILE)])
    if isinstance(value, list):
        items = list(cast("list[object]", value))
        if inside:
            place = random.randrange(len(items))
            return [*items[:place], _changed(items[place], random), *items[place + 1 :]]
        return random.choice([items[1:], items * 2, [*items, random.choice(HOSTILE)], random.choice(HOSTILE)])
    if isinstance(value, str) and random.random() < DEEPER_SHARE:
        more = value + random.choice(WORDS)
        return random.choice([value[1:], value.upper(), value + value, value[::-1], more])
    if type(value) is int and random.random() < DEEPER_SHARE:
        return random.choice([value + 1, -value, value * 2**40, float(value), str(value)])
    return random.choice(HOSTILE)


def begin_with(folder: Path) -> int:
    """Write what the fuzzer begins with: every text of the vectors, for each reader that takes it."""
    count = 0
    for raw in {text.encode() for path in sorted(VECTORS.glob("*/*.jsonl")) for text in _texts(path)}:
        for number, read in enumerate(READERS.values()):
            if len(raw) <= INPUT_BYTES_MAX and _is_taken(read, raw):
                (folder / f"{count:05}").write_bytes(bytes([number]) + raw)
                count += 1
    return count


def _is_taken(read: Read, raw: bytes) -> bool:
    try:
        return bool(read(raw))
    except InputError:
        return False


def _texts(path: Path) -> Iterator[str]:
    def inside(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
            yield value.partition("\n~")[0]
        members = cast("dict[str, object]", value).values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            for each in cast("list[object]", members):
                yield from inside(each)

    for line in path.read_text().splitlines():
        yield from inside(json.loads(line))


def main(runs: str, seed: str = "1") -> None:
    """Fuzz; the process ends with 0 where every reader held, else with the input that broke one."""
    with tempfile.TemporaryDirectory() as name:
        begun = begin_with(Path(name))
        print(f"{len(READERS)} readers, {begun} inputs to begin with, {runs} runs", flush=True)
        bounds = [f"-max_len={INPUT_BYTES_MAX}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"]
        words = [sys.argv[0], f"-runs={runs}", f"-seed={seed}", *bounds, f"-artifact_prefix={name}/", name]
        atheris.Setup(words, try_one, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
