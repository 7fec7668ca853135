"""Which statements of a stranger's file are run: those that define something.

Kept are imports, functions, classes, and constants that one of these uses: literals, and calls of NumPy
and a few modules that only compute. Left out is everything else, so nothing is trained, drawn, loaded
or written. Each statement is run on its own: one that fails costs no other.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from labkit.audit.source import Piece

COMPUTING = frozenset(
    "numpy math cmath functools operator itertools collections typing enum fractions decimal numbers re string "
    "types dataclasses statistics".split()
)
BUILTINS = frozenset(
    "abs bool bytes complex dict divmod enumerate float frozenset int len list max min pow range reversed round "
    "set slice sorted str sum tuple zip".split()
)
FILES = re.compile(r"load|save|file|txt|memmap|DataSource", re.IGNORECASE)  # np.load, np.genfromtxt, np.savez …
DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
CONSTANT = (ast.Assign, ast.AnnAssign, ast.AugAssign)


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of piece `piece`. `text` is what is run; its lines stand where they stood."""

    node: ast.stmt
    piece: int
    line: int
    text: str

    @property
    def place(self) -> str:
        return place(self.piece, self.line)


def place(piece: int, line: int) -> str:
    return f"code cell {piece}, line {line}" if piece else f"line {line}"


def statements(pieces: Iterable[Piece]) -> tuple[list[Statement], list[Statement]]:
    """The statements that are run, and those that are not, both in order."""
    kept, left, computing = [], [], Computing()
    for statement in (one for piece in pieces for one in in_piece(piece)):
        if computing.keeps(statement.node):
            kept.append(statement)
        elif not says_nothing(statement.node):
            left.append(statement)
    return in_use(kept), left


def in_piece(piece: Piece) -> Iterator[Statement]:
    """The statements of a piece. What it imports from __future__ stands before each of them."""
    lines = [line.encode("utf-8") for line in piece.text.split("\n")]  # columns count bytes
    future = [node for node in piece.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    for node in piece.tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        code = lines[first - 1 : node.end_lineno]
        code[-1] = code[-1][: node.end_col_offset]
        code[0] = code[0][node.col_offset :] if first == node.lineno else code[0]
        above = [b""] * (first - 1)
        if above and node not in future:
            above[0] = "; ".join(map(ast.unparse, future)).encode()
        yield Statement(node, piece.number, first, b"\n".join([*above, *code]).decode("utf-8"))


def says_nothing(node: ast.stmt) -> bool:
    """A docstring or a `pass`."""
    return isinstance(node, ast.Pass) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class Computing:
    """Tells, statement by statement from the top, which only define something.

    names  what may be called: modules that only compute, what is imported from them, constants
    """

    def __init__(self):
        self.names = set(BUILTINS)

    def keeps(self, node: ast.stmt) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom():
                self.learn(node)
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.names -= {node.name}
                return True
            case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                plain = all(map(plain_target, targets)) and self.computes(node.value)
                # `read = open` and `read = lambda: open(…)` may be kept, but not called here.
                data = plain and not isinstance(node.value, (ast.Name, ast.Attribute, ast.Lambda))
                self.names = self.names | stored(node) if data else self.names - stored(node)
                return plain
            case ast.If():
                main = any(isinstance(one, ast.Name) and one.id == "__name__" for one in ast.walk(node.test))
                return not main and self.computes(node.test) and self.keep_all([*node.body, *node.orelse])
            case ast.Try():
                parts = [node.body, node.orelse, node.finalbody, *(handler.body for handler in node.handlers)]
                return self.keep_all([one for part in parts for one in part])
        return False

    def keep_all(self, nodes: list[ast.stmt]) -> bool:
        return all([self.keeps(node) or says_nothing(node) for node in nodes])

    def learn(self, node: ast.Import | ast.ImportFrom) -> None:
        """Remember what an import binds, if it may be called."""
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else node.module or ""
            name = alias.asname or alias.name.partition(".")[0]
            if module.partition(".")[0] in COMPUTING and not FILES.search(alias.name):
                self.names.add(name)
            else:
                self.names.discard(name)

    def computes(self, expression: ast.expr) -> bool:
        """Whether every call in an expression only computes."""
        return all(self.may_be_called(node.func) for node in run_now(expression) if isinstance(node, ast.Call))

    def may_be_called(self, function: ast.expr) -> bool:
        """Whether it is a name that may be called, or a method of one, of a literal or of another result."""
        while isinstance(function, (ast.Attribute, ast.Subscript)):
            if isinstance(function, ast.Attribute) and FILES.search(function.attr):
                return False
            function = function.value
        if isinstance(function, ast.Name):
            return function.id in self.names
        return not isinstance(function, ast.Lambda)  # a call inside is asked about by itself


def run_now(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those inside functions, classes and lambdas, which are run when they are called."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Lambda):
            waiting.append(node.args)
        elif not isinstance(node, DEFINITION):
            waiting += ast.iter_child_nodes(node)


def plain_target(node: ast.expr) -> bool:
    """A name, an entry of one, or a tuple of these."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(plain_target, node.elts))
    if isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


def in_use(kept: list[Statement]) -> list[Statement]:
    """`kept` without the constants that no function, class or other statement in use refers to."""
    wanted = {name for one in kept if not idle_by_itself(one.node) for name in mentioned(one.node)}
    needed = []
    for one in reversed(kept):
        if not idle_by_itself(one.node) or stored(one.node) & wanted:
            wanted |= mentioned(one.node)
            needed.append(one)
    return needed[::-1]


def idle_by_itself(node: ast.stmt) -> bool:
    """Whether a statement sets a constant, not a lambda, a partial or a second name for something."""
    return isinstance(node, CONSTANT) and not (
        isinstance(node.value, (ast.Lambda, ast.Name)) or isinstance(node, ast.Assign) and partial_of(node.value)
    )


def partial_of(node: ast.expr) -> ast.expr | None:
    """The function of `partial(function, …)`, None where it is no such call."""
    match node:
        case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[function, *_]):
            return function
    return None


def mentioned(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def stored(statement: ast.AST) -> set[str]:
    """The names a statement sets at its own level, or of which it sets an entry."""
    names = set()
    for node in run_now(statement):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.Name(id=name, ctx=ast.Store()) | ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                names.add(name)
    return names
