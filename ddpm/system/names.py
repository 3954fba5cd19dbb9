"""Names without imports: what tables and modules hold, read from their source; and the name that was meant.

Importing torch takes seconds, in which a mistyped flag could have been told. So flags and help take the names of
samplers, schedules and the like from the source text of the modules whose tables they stand in.
"""

import ast
import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.abc import InspectLoader
from importlib.util import find_spec
from itertools import pairwise


@cache
def parsed(module: str) -> ast.Module:
    """The source of a module, which is not imported. Its packages are, so their __init__.py must import nothing."""
    spec = find_spec(module)
    assert spec and isinstance(spec.loader, InspectLoader), module
    return ast.parse(spec.loader.get_source(module) or "")


def choices(module: str, table: str) -> tuple[str, ...]:
    """The keys of a dict literal at the top level of a module, as choices("ddpm.diffusion.samplers", "SAMPLERS")."""
    for node in parsed(module).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id == table:
            assert isinstance(node.value, ast.Dict), f"{module}.{table} must be a dict literal"
            return tuple(ast.literal_eval(key) for key in node.value.keys if key)
    raise AssertionError(f"{module} has no table {table}")


def first_line(module: str) -> str:
    """Of a module's docstring."""
    return (ast.get_docstring(parsed(module)) or "").partition("\n")[0]


def field_docs(module: str, cls: str) -> Iterator[tuple[str, str]]:
    """The fields of a class of a module that have a text below them, and that text."""
    node = next(node for node in parsed(module).body if isinstance(node, ast.ClassDef) and node.name == cls)
    for field, text in pairwise(node.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, said


def functions(module: str) -> set[str]:
    """The functions of a module, by name."""
    return {node.name for node in parsed(module).body if isinstance(node, ast.FunctionDef)}


def nearest(word: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that are most like this one; cutoff: how like at least, from 0 to 1 for the same."""
    return difflib.get_close_matches(word, list(known), n=most, cutoff=cutoff)


def near(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that is most like this one, or ""."""
    return next(iter(nearest(word, known, cutoff=cutoff)), "")
