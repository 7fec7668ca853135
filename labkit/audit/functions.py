"""The functions a file defines, read from its text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from labkit.audit.statements import Statement, mentioned, partial_of
from labkit.grading.standins import is_there

REACHING = frozenset(
    "ctypes ftplib glob http multiprocessing os pathlib pickle pty requests shutil signal smtplib socket sqlite3 "
    "subprocess tempfile urllib webbrowser".split()
)
REACHING_BUILTINS = frozenset({"open", "exec", "eval", "input", "__import__"})
REACHING_METHODS = frozenset(
    "load loadtxt genfromtxt fromfile memmap save savez savez_compressed savetxt savefig tofile dump".split()
)


@dataclass(frozen=True)
class Signature:
    """What is passed by position: names in order, how many must come, whether more than these may."""

    names: tuple[str, ...]
    required: int
    more: bool = False


@dataclass(frozen=True)
class Function:
    """A name that holds a function.

    at         the statement that defines it, counted in the list that was read
    signature  None where the text does not tell
    listed     a function, a lambda or a partial; classes and second names are looked at where they are asked for
    reaches    what it mentions that reaches files, programs or the network
    needs      modules it mentions that are not there while functions are run
    times      how often the name is defined; the last time counts
    """

    name: str
    at: int
    line: int
    signature: Signature | None = None
    listed: bool = True
    reaches: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    times: int = 1


def functions(statements: list[Statement]) -> dict[str, Function]:
    """The functions at the top level, by name, in the order of their last definition."""
    found: dict[str, Function] = {}
    imported = {name: root for one in statements for name, root in imports(one.node)}
    for at, statement in enumerate(statements):
        for node in definitions(statement.node):
            one = function(node, at, found, imported)
            before = found.pop(one.name, None)
            found[one.name] = replace(one, times=before.times + 1 if before else 1)
    return found


def definitions(node: ast.stmt) -> Iterator[ast.stmt]:
    """What defines a function in a statement: itself, or what stands inside an `if` or a `try`."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            yield node
        case ast.Assign(targets=[ast.Name()], value=ast.Lambda() | ast.Name()):
            yield node
        case ast.Assign(targets=[ast.Name()], value=value) if partial_of(value):
            yield node
        case ast.If() | ast.Try():
            for part in ast.iter_child_nodes(node):
                yield from definitions(part)
        case ast.ExceptHandler():
            for part in node.body:
                yield from definitions(part)


def function(node: ast.stmt, at: int, known: dict[str, Function], imported: dict[str, str]) -> Function:
    """The function that `node` defines."""
    if isinstance(node, ast.ClassDef):
        return Function(node.name, at, node.lineno, listed=False)
    names = mentioned(node)
    modules = {imported[name] for name in names & imported.keys()} | {
        root for part in ast.walk(node) for _, root in imports(part)
    }
    methods = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    reached = modules & REACHING | (names - imported.keys()) & REACHING_BUILTINS | methods & REACHING_METHODS
    reaches = tuple(sorted(reached))
    needs = tuple(sorted(root for root in modules if not is_there(root)))
    if isinstance(node, ast.FunctionDef):
        return Function(node.name, at, node.lineno, signature(node.args), True, reaches, needs)
    name, value = node.targets[0].id, node.value
    if isinstance(value, ast.Lambda):
        return Function(name, at, node.lineno, signature(value.args), True, reaches, needs)
    inner = partial_of(value) or value
    other = known.get(inner.id) if isinstance(inner, ast.Name) else None
    if isinstance(value, ast.Name):
        return Function(name, at, node.lineno, other and other.signature, listed=False)
    if other is None:
        return Function(name, at, node.lineno, None, True, reaches, needs)
    rest = other.signature and left_over(other.signature, value)
    return Function(name, at, node.lineno, rest, True, other.reaches, other.needs)


def imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What an import binds: (name, the module's first name)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            root = alias.name.partition(".")[0]
            yield alias.asname or root, root
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, "." * node.level + (node.module or "").partition(".")[0]
    elif isinstance(node, (ast.If, ast.Try, ast.ExceptHandler)):
        for part in ast.iter_child_nodes(node):
            yield from imports(part)


def signature(args: ast.arguments) -> Signature | None:
    """The parameters by position; None where one must be given by keyword."""
    if any(default is None for default in args.kw_defaults):
        return None
    names = tuple(one.arg for one in [*args.posonlyargs, *args.args])
    return Signature(names, len(names) - len(args.defaults), args.vararg is not None)


def left_over(whole: Signature, call: ast.Call) -> Signature | None:
    """What of a signature is left after `partial(function, …)`."""
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        return None
    given = {one.arg for one in call.keywords}
    names = whole.names[len(call.args) - 1 :]
    until = next((index for index, name in enumerate(names) if name in given), len(names))
    required = max(0, whole.required - len(call.args) + 1)
    if set(names[until:required]) - given:
        return None
    return Signature(names[:until], min(required, until), whole.more and until == len(names))
