"""The log writes names and numbers; what nobody put on the list is not written."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hub import log as hub_log
from hub.db.engine import open_writer
from shared.model.errors import TransientError
from tests.architecture.tree import product_modules

WORDS = "Baldosa suelta frente al portal de Marta"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hub_log.configure("info", stream)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_is_json_with_instant_level_and_fields(written: io.StringIO) -> None:
    structlog.get_logger("hub").info("device_released", device="kiosk-7", events=3)
    (line,) = lines(written)
    assert line.pop("at").endswith("+00:00")
    assert line == {"event": "device_released", "level": "info", "device": "kiosk-7", "events": 3}


def test_field_that_is_not_on_the_list_is_named_and_not_written(written: io.StringIO) -> None:
    structlog.get_logger("hub").info("taken", description=WORDS, payload=WORDS.encode(), device=b"kiosk")
    (line,) = lines(written)
    assert line["left_out"] == ["description", "payload", "device"]
    assert "Baldosa" not in written.getvalue()


def test_long_text_is_cut(written: io.StringIO) -> None:
    structlog.get_logger("hub").info("taken", error="x" * 10_000)
    assert len(lines(written)[0]["error"]) == hub_log.TEXT_LENGTH_MAX + 1


def test_failure_of_the_database_is_written_without_the_values_that_it_quotes(
    written: io.StringIO,
) -> None:
    engine = open_writer("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": WORDS})
    except OperationalError as error:
        raised = TransientError("the database could not be written; try again")
        raised.__cause__ = error
        structlog.get_logger("hub").error("ingest_failed", exc_info=raised)
    engine.dispose()
    (line,) = lines(written)
    assert "Baldosa" not in written.getvalue()
    assert line["failure"][0] == "TransientError: the database could not be written; try again"
    assert "OperationalError" in line["failure"]
    assert any("test_log.py" in place for place in line["failure"])


def test_line_of_a_library_is_its_template_without_arguments(written: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").error("cannot parse %s\nsecond line", WORDS)
    (line,) = lines(written)
    assert line["error"] == "uvicorn.error: cannot parse %s"


def test_debug_is_not_written_unless_it_was_asked_for(written: io.StringIO) -> None:
    structlog.get_logger("hub").debug("noise")
    assert lines(written) == []


def test_every_field_that_the_hub_logs_is_on_the_list() -> None:
    levels = {"debug", "info", "warning", "error", "exception"}
    unknown: list[str] = []
    for module in product_modules():
        if not module.within("hub") or module.within("hub.demo"):
            continue
        for node in module.nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=attr), keywords=keywords) if (
                    attr in levels
                ):
                    names = {keyword.arg for keyword in keywords if keyword.arg is not None} - {"exc_info"}
                    unknown += [f"{module.path}:{node.lineno} {name}" for name in names - hub_log.FIELDS]
                case _:
                    pass
    assert not unknown
