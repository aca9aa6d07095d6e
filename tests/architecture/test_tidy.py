"""Every rule of `rules.py` holds for every file, and each is seen to bite."""

import pytest

from tests.architecture.rules import FILE_LINES_MAX, FUNCTION_LINES_MAX, RULES, TEST_FILE_LINES_MAX, Rule
from tests.architecture.tree import Module, modules

# A file of the product beyond its limit, with the reason why it is one room all the same. The wall stands.
LONG_FILES: dict[str, str] = {}

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * FUNCTION_LINES_MAX
BAD: dict[str, tuple[str, str]] = {
    "short_file": ("hub/page.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    "short_function": ("hub/page.py", LONG_FUNCTION),
    "named_for_what_it_holds": ("hub/utils/page.py", ""),
    "no_print": ("hub/ingest/page.py", "print('taken')"),
    "no_broad_except": ("hub/page.py", "try:\n    x()\nexcept (OSError, Exception):\n    y()"),
    "aware_instants": ("hub/page.py", "from datetime import datetime\nx = datetime.now()"),
    "no_float_in_money": ("hub/domain/payments/ledger.py", "half = amount_minor * 0.5"),
    "no_sleep_in_tests": ("tests/unit/test_page.py", "import time\ntime.sleep(1)"),
    "no_patching": ("tests/unit/test_page.py", "def f(monkeypatch):\n    monkeypatch.setattr(hub, 'x', 1)"),
    "nothing_done_at_import": ("hub/page.py", "connection = None\nconnect()"),
    "units_are_named": ("shared/page.py", "def wait(timeout: float) -> None: ..."),
    "silenced_with_a_reason": ("shared/page.py", "x = eval(y)  # " + "noqa"),
}
GOOD: tuple[tuple[str, str, str], ...] = (
    ("short_file", "tests/unit/test_page.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    ("no_print", "hub/demo/page.py", "print('the table')"),
    ("no_broad_except", "hub/ingest/worker.py", "try:\n    x()\nexcept Exception:\n    y()"),
    ("no_broad_except", "hub/page.py", "try:\n    x()\nexcept BaseException:\n    undo()\n    raise"),
    ("aware_instants", "hub/page.py", "x = datetime.now(UTC)\ny = datetime.fromtimestamp(1, tz=UTC)"),
    ("short_function", "hub/page.py", f'def f():\n    """{"long" + chr(10) * 90}"""\n    return 1'),
    (
        "nothing_done_at_import",
        "hub/page.py",
        '"""Words."""\nLIMIT = 3\nif __name__ == "__main__":\n    main()',
    ),
    ("nothing_done_at_import", "hub/page.py", "Index('by_device', table.c.device)"),
    ("units_are_named", "hub/page.py", "def pay(amount: Money, timeout_s: float) -> None: ..."),
    ("silenced_with_a_reason", "hub/page.py", "x = y  # " + "noqa: S608  the names are constants of ours"),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds_in_every_file(rule: Rule) -> None:
    excused = LONG_FILES if rule.__name__ == "short_file" else {}
    wrong = [
        f"{module.path}:{what}" for module in modules() if module.path not in excused for what in rule(module)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_broken_on_purpose_bites(rule: Rule) -> None:
    assert list(rule(Module.parse(*BAD[rule.__name__])))


@pytest.mark.parametrize(("name", "path", "text"), GOOD)
def test_rule_kept_lets_pass(name: str, path: str, text: str) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == name)
    assert not list(rule(Module.parse(path, text)))


def test_long_file_with_a_reason_is_still_long_and_below_the_wall() -> None:
    lengths = {module.path: len(module.text.splitlines()) for module in modules()}
    assert all(FILE_LINES_MAX < lengths[path] <= TEST_FILE_LINES_MAX for path in LONG_FILES)
