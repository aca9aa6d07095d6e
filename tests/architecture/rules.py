"""Tidiness, one rule a function: each takes a module and yields what is wrong with it, line by line.

Ruff has rules for some of these too, but a `noqa` silences ruff; nothing silences these.
"""

import ast
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from tests.architecture.tree import Module, settings

Rule = Callable[[Module], Iterator[str]]

FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
MONEY_FILE = re.compile(r"money|payment|ledger|settlement|posting")
NUMBER = re.compile(r"\b(int|float)\b")
UNITLESS = frozenset({"amount", "delay", "duration", "interval", "period", "timeout"})
SHAPELESS = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})
POLLING = "tests/support/polling.py"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def short_file(module: Module) -> Iterator[str]:
    """A file is read as one page or a few; a table of scenarios may be longer, up to the wall."""
    count = len(module.text.splitlines())
    count_max = TEST_FILE_LINES_MAX if module.within("tests") else FILE_LINES_MAX
    if count > count_max:
        yield f"1: {count} lines, more than {count_max}: two rooms in one"


def short_function(module: Module) -> Iterator[str]:
    """A function is seen at one glance; its docstring is not counted."""
    for node in module.nodes:
        if isinstance(node, Function):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            end = node.end_lineno or node.lineno
            described = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
            count = end - node.lineno + 1 - described
            if count > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {count} lines, more than {FUNCTION_LINES_MAX}"


def named_for_what_it_holds(module: Module) -> Iterator[str]:
    """No room for whatever fits nowhere."""
    for part in module.dotted.split("."):
        if part in SHAPELESS:
            yield f"1: {part} says nothing of what is in it"


def no_print(module: Module) -> Iterator[str]:
    """Only a program that a person runs prints."""
    if not module.within("tests") and not _excused(module, "T201"):
        yield from (f"{call.lineno}: print" for call in _calls(module) if _name(call.func) == "print")


def no_broad_except(module: Module) -> Iterator[str]:
    """Only the named supervisors catch everything and go on; others clean up and raise it again."""
    if _excused(module, "BLE001"):
        return
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {_name(kind) if kind else "everything" for kind in caught}
            for name in sorted(names & {"Exception", "BaseException", "everything"}):
                yield f"{node.lineno}: except {name} outside a named supervisor"


def aware_instants(module: Module) -> Iterator[str]:
    """No instant without a zone."""
    for call in _calls(module):
        name = _name(call.func).rpartition(".")[2]
        zoned = bool(call.args) if name == "now" else len(call.args) > 1
        zoned = zoned or any(keyword.arg in {"tz", "tzinfo"} for keyword in call.keywords)
        naive = name in {"utcnow", "utcfromtimestamp"} or (name == "fromtimestamp" and not zoned)
        if naive or (_name(call.func) in {"datetime.now", "datetime.datetime.now"} and not zoned):
            yield f"{call.lineno}: {_name(call.func)} without a zone"


def no_float_in_money(module: Module) -> Iterator[str]:
    """Money is counted in integers."""
    if not MONEY_FILE.search(module.path) or module.within("tests"):
        return
    for node in module.nodes:
        match node:
            case ast.Constant(value=float()) | ast.Name(id="float"):
                yield f"{node.lineno}: float in a file about money"
            case _:
                pass


def no_sleep_in_tests(module: Module) -> Iterator[str]:
    """A test waits for a fact, never for time to pass."""
    if module.within("tests") and module.path != POLLING:
        for call in _calls(module):
            if _name(call.func) in {"time.sleep", "sleep"}:
                yield f"{call.lineno}: sleep; wait with tests.support.polling.eventually"


def no_patching(module: Module) -> Iterator[str]:
    """Tests drive real parts: nothing of the project is replaced."""
    for line, name in module.imports():
        if name.startswith(("unittest.mock", "mock.")) or name == "mock":
            yield f"{line}: {name}"
    for call in _calls(module):
        if _name(call.func) in {"monkeypatch.setattr", "monkeypatch.delattr", "monkeypatch.setitem"}:
            yield f"{call.lineno}: {_name(call.func)}"


def nothing_done_at_import(module: Module) -> Iterator[str]:
    """Importing a product's module only defines names; an index or a command that is constructed is one."""
    if module.within("tests"):
        return
    for node in module.tree.body:
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr(value=ast.Call(func=called)) if _declares(called):
                continue
            case ast.Expr() | ast.With() | ast.For() | ast.While():
                yield f"{node.lineno}: work done at import"
            case _:
                pass
    for node in module.nodes:
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"


def units_are_named(module: Module) -> Iterator[str]:
    """A quantity says its unit, last: `timeout_s`, `interval_ms`, `amount_minor`."""
    if module.within("tests"):
        return
    for node in module.nodes:
        match node:
            case (
                ast.arg(arg=name, annotation=kind) | ast.AnnAssign(target=ast.Name(id=name), annotation=kind)
            ) if name in UNITLESS and NUMBER.search(ast.unparse(kind) if kind else ""):
                yield f"{node.lineno}: {name} without its unit"
            case _:
                pass


def silenced_with_a_reason(module: Module) -> Iterator[str]:
    """What silences a check names the one rule, and says why behind it; once a file is enough."""
    reasoned: set[str] = set()
    for number, line in enumerate(module.text.splitlines(), start=1):
        comment = re.search(r"# (?:noqa|type: ignore|pyright: ignore)\b(?P<rest>.*)", line)
        if comment:
            named = re.match(
                r"(?P<rules>: ?[A-Z]+\d+(, ?[A-Z]+\d+)*|\[\w+\])(?P<why> +\S.*)?", comment["rest"]
            )
            rules = named["rules"] if named else ""
            if named and named["why"]:
                reasoned.add(rules)
            if rules not in reasoned:
                yield f"{number}: {comment[0].strip()}: say which rule and why"


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in module.nodes if isinstance(node, ast.Call))


def _name(node: ast.AST) -> str:
    """A dotted name as it is written, or nothing for what is no name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_name(value)}.{attr}"
        case _:
            return ""


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _declares(called: ast.AST) -> bool:
    last = _name(called).rpartition(".")[2]
    return last[:1].isupper() or last == "add_typer"


def _excused(module: Module, code: str) -> bool:
    """Whether `pyproject.toml` names this file, with a reason, as one that may."""
    files = settings()["tool"]["ruff"]["lint"]["per-file-ignores"]
    return any(code in codes and fnmatch(module.path, pattern) for pattern, codes in files.items())


RULES: tuple[Rule, ...] = (
    short_file,
    short_function,
    named_for_what_it_holds,
    no_print,
    no_broad_except,
    aware_instants,
    no_float_in_money,
    no_sleep_in_tests,
    no_patching,
    nothing_done_at_import,
    units_are_named,
    silenced_with_a_reason,
)
