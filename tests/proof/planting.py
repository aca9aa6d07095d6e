"""Small bugs, one at a time: every place of a source file where a tired hand might have slipped.

A mutant has a name that says where it is and what it changes, so that an explanation stays with its mutant
when lines around it move. We plant them ourselves: mutmut numbers its mutants anew with each edit and keeps
nothing that an explanation could hold on to, and cosmic-ray edits the files in the working tree.

What is not changed: annotations, docstrings, text, default arguments, and what only describes (protocols,
enumerations).
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
DESCRIBING: Final = frozenset({"Protocol", "StrEnum", "IntEnum"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug.

    Attributes:
        path: of the file, from the root of the project.
        name: `<place>: <what stands there> -> <what is planted>`, with a number where that is not unique.
        function: the one that holds it, by its qualified name; empty where it stands outside of any.
        source: the whole file with the bug in it.
        lines: first and last line of the statement that holds it; of one with a block, of its head.
    """

    path: str
    name: str
    function: str
    source: str
    lines: tuple[int, int]

    @property
    def module(self) -> str:
        """The dotted name of the file's module."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def mutants_of(root: Path, path: str) -> Iterator[Mutant]:
    """Plant every bug of a file, one after the other."""
    text = (root / path).read_text()
    seen: Counter[str] = Counter()
    for number in range(_Planter.count(text)):
        planter = _Planter(number)
        tree = planter.visit(ast.parse(text))
        name = f"{planter.place}: {planter.before} -> {planter.after}"
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name} ({seen[name]})"
        source = ast.unparse(ast.fix_missing_locations(tree))
        yield Mutant(path, name, planter.function, source, planter.lines)


class _Planter(ast.NodeTransformer):
    """Walks a file and changes the one node that has the wanted number."""

    def __init__(self, wanted: int) -> None:
        self.place = self.before = self.after = self.function = ""
        self._wanted = wanted
        self._next = 0
        self._names: list[str] = []
        self._function = ""
        self.lines = self._lines = (0, 0)

    @classmethod
    def count(cls, text: str) -> int:
        planter = cls(-1)
        planter.visit(ast.parse(text))
        return planter._next

    def _plant(self, node: ast.AST, others: Sequence[ast.AST]) -> ast.AST:
        """Count the ways in which a node may be wrong, and return the wanted one if it is among them."""
        for other in others:
            if self._next == self._wanted:
                self.place = ".".join(self._names) or "module"
                self.function, self.lines = self._function, self._lines
                self.before, self.after = _words(node), _words(other)
                self._next += 1
                return other
            self._next += 1
        return node

    # ---- what is passed over, and where we are

    def visit(self, node: ast.AST) -> Any:  # noqa: ANN401  as the base class has it
        if not isinstance(node, ast.stmt):
            return super().visit(node)
        before, self._lines = self._lines, _head(node)
        found = super().visit(node)
        self._lines = before
        return found

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if any(isinstance(base, ast.Name) and base.id in DESCRIBING for base in node.bases):
            return node
        return self._within(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outermost = not self._function
        if outermost:
            self._function = ".".join((*self._names, node.name))
        self._within(node)
        if outermost:
            self._function = ""
        return node

    def _within(self, node: ast.ClassDef | ast.FunctionDef) -> ast.AST:
        self._names.append(node.name)
        node.body = [self.visit(each) for each in node.body]
        self._names.pop()
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    # ---- statements

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant):
            return node
        gone = self._plant(node, [ast.Pass()])
        return gone if gone is not node else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        lasting = any(not isinstance(target, ast.Name) for target in node.targets)
        gone = self._plant(node, [ast.Pass()] if lasting and self._names else [])
        return gone if gone is not node else self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        others: list[ast.AST] = [ast.Pass()]
        if type(node.op) in COUNTED:
            other = copy(node)
            other.op = COUNTED[type(node.op)]()
            others.append(other)
        gone = self._plant(node, others)
        return gone if gone is not node else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._plant(node, [ast.Pass()])

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return self._plant(node, [ast.Pass()])

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return self._plant(node, [ast.Pass()])

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return self._plant(node, [ast.Pass()]) if node.value is None else self.generic_visit(node)

    # ---- expressions

    def visit_If(self, node: ast.If) -> ast.AST:
        return self._branching(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return self._branching(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._branching(node)

    def _branching(self, node: ast.If | ast.IfExp | ast.While) -> ast.AST:
        """A condition that is no comparison is turned round; the others are changed where they compare."""
        if isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.BinOp):
            other = copy(node)
            other.test = ast.UnaryOp(ast.Not(), node.test)
            if self._plant(node.test, [other.test]) is other.test:
                return other
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        others: list[ast.AST] = []
        for place, operator in enumerate(node.ops):
            other = copy(node)
            other.ops = [*node.ops]
            other.ops[place] = COMPARED[type(operator)]()
            others.append(other)
        gone = self._plant(node, others)
        return gone if gone is not node else self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        other = copy(node)
        other.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        gone = self._plant(node, [other])
        return gone if gone is not node else self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        gone = self._plant(node, [node.operand] if isinstance(node.op, ast.Not) else [])
        return gone if gone is not node else self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        others: list[ast.AST] = []
        if type(node.op) in COUNTED:
            other = copy(node)
            other.op = COUNTED[type(node.op)]()
            others.append(other)
        gone = self._plant(node, others)
        return gone if gone is not node else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        others: list[ast.AST] = []
        if isinstance(node.func, ast.Name) and node.func.id in CALLED:
            other = copy(node)
            other.func = ast.Name(CALLED[node.func.id], ast.Load())
            others.append(other)
        gone = self._plant(node, others)
        return gone if gone is not node else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is bool:
            return self._plant(node, [ast.Constant(not node.value)])
        if type(node.value) is int:
            return self._plant(node, [ast.Constant(node.value + 1)])
        return node


def _head(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement; of one with a block, those before it."""
    block = getattr(node, "body", None) or getattr(node, "cases", None)
    if not block:
        return node.lineno, node.end_lineno or node.lineno
    first = getattr(block[0], "lineno", None) or block[0].pattern.lineno
    return node.lineno, max(node.lineno, first - 1)


def _words(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
