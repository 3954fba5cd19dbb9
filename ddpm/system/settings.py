"""Settings: dataclasses whose values are checked when they are made, from nested dicts as TOML and JSON give them.

A mistake is a ValueError of one line: which setting, what it must be, what it is, and if it can be told what to write.
"""

import dataclasses
import json
import math
import reprlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import dacite

from ddpm.system.names import near

T = TypeVar("T")


@dataclass(frozen=True)
class Rule:
    """What the value of a setting must be beside its type, as in `Annotated[int, between(1, 8)]`; see `Settings`."""

    must: str
    """In words, after "must"."""
    holds: Callable[[Any], bool]
    whole: bool = False
    """Of a list: a rule for the list, not for each of its values."""

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError if the value of the setting of this name breaks the rule."""
        for one in value if isinstance(value, tuple) and not self.whole else (value,):
            if not self.holds(one):
                raise ValueError(f"{name} must {self.must}, got {reprlib.repr(list(one) if self.whole else one)}")


def between(low: float, high: float) -> Rule:
    """At least `low` and at most `high`."""
    return Rule(f"be between {low:,} and {high:,}", lambda value: low <= value <= high)


def length(low: int, high: int) -> Rule:
    """A list of at least `low` and at most `high` values."""
    return Rule(f"be a list of {low} to {high} values", lambda values: low <= len(values) <= high, whole=True)


POSITIVE = Rule("be positive", lambda value: value > 0)
NOT_NEGATIVE = Rule("not be negative", lambda value: not value < 0)
FINITE = Rule("be a finite number", math.isfinite)
POSITIVE_FINITE = Rule("be positive and finite", lambda value: 0 < value < math.inf)
FINITE_LIST = Rule("be one or more finite numbers", lambda v: bool(v) and all(map(math.isfinite, v)), whole=True)


class Settings:
    """A base of frozen dataclasses: making one raises ValueError for a value that its field may not have.

    What it may be, beside the type, is told by a `Literal`, or by a `Rule` in the type.

    table: the name before the dot in the names of its fields, if they stand in a table of a TOML file.
    """

    table: ClassVar[str] = ""
    rules: ClassVar[list[tuple[str, Rule]]] = []
    """The names of fields with a rule each, in the order in which they are checked."""

    def __init_subclass__(cls, table: str = "") -> None:
        hints = get_type_hints(cls, include_extras=True)
        cls.table, cls.rules = table, [(name, rule) for name, hint in hints.items() for rule in rules_in(hint)]

    def __post_init__(self) -> None:
        for name, rule in self.rules:
            if (value := getattr(self, name)) is not None:
                rule.check(f"{self.table}.{name}" if self.table else name, value)


def rules_in(hint: Any) -> Iterator[Rule]:
    """The rules that the type of a field tells."""
    if get_origin(_inner(hint)) is Literal:
        names = get_args(_inner(hint))
        yield Rule(f"be one of {', '.join(map(repr, names))}", lambda value: value in names)
    yield from (mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Rule))


class Mistyped:
    """In place of a value that must not be taken for one of another type."""


def _number(value: Any) -> Any:
    """A whole number is a float too, but true and false are no numbers."""
    return Mistyped() if isinstance(value, bool) else value


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else _number(value)


def _path(value: Any) -> Any:
    return Path(value) if value and isinstance(value, str | Path) else Mistyped()


def _tuple(value: Any, each: Callable[[Any], Any] = lambda x: x) -> Any:
    return tuple(map(each, value)) if isinstance(value, list | tuple) else Mistyped()


CONVERSIONS: dict[Any, Callable[[Any], Any]] = {
    int: _number,
    float: _float,
    Path: _path,
    tuple[str, ...]: _tuple,
    tuple[int, ...]: lambda value: _tuple(value, _number),
    tuple[float, ...]: lambda value: _tuple(value, _float),
    tuple[float, float]: lambda value: _tuple(value, _float),
}  # from what TOML and JSON have to what settings hold


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Build a dataclass from nested dicts as TOML or JSON give them.

    Raises ValueError for an unknown key (with the nearest known one), a value of a wrong type, or one out of range.
    """
    if not isinstance(values, dict):
        raise ValueError(f"expected settings by name, got {str(values)[:80]}")
    try:
        return dacite.from_dict(cls, values, dacite.Config(strict=True, type_hooks=CONVERSIONS))
    except dacite.UnexpectedDataError as e:
        raise ValueError(_unknown(cls, values)) from e
    except dacite.WrongTypeError as e:
        raise ValueError(_mistyped(cls, values, e.field_path or "")) from e
    except (dacite.DaciteError, TypeError) as e:
        raise ValueError(str(e)) from e


def _unknown(cls: type, values: dict[str, Any]) -> str:
    """Which key there is no setting for, by its dotted name, and the nearest one that there is."""
    names = [name for name, _ in _fields(cls)]
    stray = next(name for name in _keys(cls, values) if name not in names)
    table, _, key = stray.rpartition(".")
    beside = [name for name in names if name.rpartition(".")[0] == table]
    short = {name.rpartition(".")[2]: name for name in [*names, *beside]}  # of two settings, that of the same table
    if meant := near(key, short, cutoff=0.65):
        return f"unknown setting {stray!r}: did you mean {short[meant]!r}?"
    return f"unknown setting {stray!r}: there are {', '.join(beside)}"


def _mistyped(cls: type, values: dict[str, Any], name: str) -> str:
    """What a setting must be, and what it is."""
    kind = _inner(dict(_fields(cls)).get(name))
    value: Any = values
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    got = str(value).lower() if isinstance(value, bool) else reprlib.repr(value)
    return f"{name} must be {_wanted(kind)}, got {got}{_instead(kind, value)}"


def _wanted(kind: Any) -> str:
    """What a setting of this type must be, in words."""
    words: dict[Any, str] = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}
    words |= {Path: "a path in quotes, not an empty one"}
    many: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "texts in quotes"}
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if get_origin(kind) is tuple:
        each, *others = get_args(kind)
        return f"a list of {'' if others == [...] else f'{1 + len(others)} '}{many[each]}"
    return words.get(kind, "a table of settings")


def _instead(kind: Any, value: Any) -> str:
    """What might be written instead of a value that is not of this type, if that can be told."""
    if meant := near(str(value), [c for c in get_args(kind) if isinstance(c, str)]):
        return f"; did you mean {meant!r}?"
    if get_origin(kind) is tuple and type(value) in ({str} if str in get_args(kind) else {int, float}):
        return f"; write [{json.dumps(value)}]"
    if kind is int and isinstance(value, float) and value.is_integer():
        return f"; write {value:.0f}"
    return ""


def _inner(kind: Any) -> Any:
    """A type without the None that stands for a setting left out."""
    return next(a for a in get_args(kind) if a is not NoneType) if NoneType in get_args(kind) else kind


def _fields(cls: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and types of the settings in a dataclass, and in the dataclasses in it."""
    kinds = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind = kinds[field.name]
        yield prefix + field.name, kind
        if dataclasses.is_dataclass(_inner(kind)):
            yield from _fields(_inner(kind), f"{prefix}{field.name}.")


def _keys(cls: Any, values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of what is given for a dataclass."""
    kinds = get_type_hints(cls)
    for key, value in values.items():
        yield prefix + key
        kind = _inner(kinds.get(key))
        if isinstance(value, dict) and dataclasses.is_dataclass(kind):
            yield from _keys(kind, value, f"{prefix}{key}.")


def to_dict(settings: Any) -> dict[str, Any]:
    """A dataclass as nested dicts of plain values; what is None is left out, as TOML has no word for it."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if v is not None}
        return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value

    return plain(dataclasses.asdict(settings))


def flat(settings: Any) -> dict[str, Any]:
    """The settings that are not None, by dotted name: {"steps": 3000, "optim.lr": 0.002, ...}."""
    out: dict[str, Any] = {}
    for key, value in to_dict(settings).items():
        out |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return out
