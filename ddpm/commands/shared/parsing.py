"""The command line as typed settings, and a mistake in it as one line that says what to write instead.

tyro reads the command line and writes the help. Its errors are boxes of several lines, so mistakes are found first.
"""

import contextlib
import dataclasses
import io
import math
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, TypeVar, get_args, get_origin, get_type_hints

import tyro

from ddpm.system.names import field_docs, near
from sprites.reading.image import opened

ARGUMENTS = "Arguments"  # the text in a picture that --like reads
T = TypeVar("T")
WORDS = {int: "a whole number", float: "a number", Path: "a path", str: "text"}


@dataclass(frozen=True)
class Flag:
    """A flag, or what is given by its place."""

    names: tuple[str, ...]
    """Its spellings, as "--log.every"; that of a place in capitals."""
    kind: Any
    """The type of one value; None where it takes none."""
    least: int
    most: float
    """How many values it takes."""
    optional: bool
    """Whether None is a value of it too."""
    needed: bool
    place: bool

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        one = f"one of {', '.join(get_args(self.kind))}" if get_origin(self.kind) is Literal else WORDS[self.kind]
        return f"{self.least} values, each {one}" if self.least > 1 else one

    def check(self, value: str) -> None:
        """Raise ValueError for a value of another type."""
        choices = get_args(self.kind)
        if (value == "None" and self.optional) or value in choices:
            return
        if self.kind is Path and not value:
            raise ValueError(f"{self.names[0]}: the path is empty; name a folder or a file")
        if choices or not reads(self.kind, value):
            one = dataclasses.replace(self, least=1).wanted
            raise ValueError(f"{self.names[0]} {value or repr(value)}: expected {one}{nearest(value, choices)}")


def reads(kind: type, value: str) -> bool:
    """Whether a word is a number of this kind; for other kinds, any is one."""
    try:
        return kind not in (int, float) or kind(value) is not None
    except ValueError:
        return False


def nearest(word: str, known: Iterable[str]) -> str:
    """Words for a message: which of those known is most like this one, if any is."""
    meant = near(word, known)
    return f"; did you mean {meant}?" if meant else ""


class Setting(NamedTuple):
    """A field of a dataclass of settings, as tyro reads it."""

    field: dataclasses.Field
    kind: Any
    """Its type."""
    marks: tuple[Any, ...]
    """What Annotated adds to that."""
    name: str
    """Its flag, as "--log.every"; of a dataclass, what the flags of its fields begin with."""

    @property
    def nested(self) -> bool:
        return isinstance(self.kind, type) and dataclasses.is_dataclass(self.kind)


def settings_in(settings: type, prefix: str) -> Iterator[Setting]:
    """The fields of a dataclass, named as tyro names them."""
    hints = get_type_hints(settings, include_extras=True)
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        kind, *marks = get_args(hint) if get_origin(hint) is Annotated else [hint]
        setting = Setting(field, kind, tuple(marks), f"{prefix}{field.name.replace('_', '-')}")
        if setting.nested:
            unnamed = any(getattr(mark, "name", None) == "" for mark in marks)  # by tyro.conf.arg
            setting = setting._replace(name=prefix if unnamed else f"{setting.name}.")
        yield setting


def flags_of(settings: type, default: Any = None, prefix: str = "--") -> Iterator[Flag]:
    """The flags of a dataclass and of those in it. default: values that need not be given."""
    for setting in settings_in(settings, prefix):
        field, hint, marks, name = setting
        value = getattr(default, field.name, tyro.MISSING)
        if setting.nested:
            yield from flags_of(hint, value, name)
            continue
        kind, least, most = takes(hint)
        place = tyro.conf.Positional in marks
        aliases = next((mark.aliases for mark in marks if hasattr(mark, "aliases")), None)  # by tyro.conf.arg
        names: tuple[str, ...] = (name, *(aliases or ()))
        if kind is None and tyro.conf.FlagCreatePairsOff not in marks:
            names = (*names, negated(name))
        unset = value is tyro.MISSING and field.default is field.default_factory is dataclasses.MISSING
        yield Flag(
            (field.name.upper(),) if place else names, kind, least, most, NoneType in get_args(hint), unset, place
        )


def negated(name: str) -> str:
    """The flag that sets False what this one sets True: --log.no-every of --log.every."""
    parts = name.removeprefix("--").split(".")
    return "--" + ".".join([*parts[:-1], f"no-{parts[-1]}"])


def takes(hint: Any) -> tuple[Any, int, float]:
    """The type of one value of a setting of this type, how many of them it has at least, and at most."""
    if NoneType in get_args(hint):
        hint = next(a for a in get_args(hint) if a is not NoneType)
    if hint is bool:
        return None, 0, 0
    if get_origin(hint) is not tuple:
        return hint, 1, 1
    kind, *others = get_args(hint)
    if get_origin(kind) is tuple:  # a flag that may be given again, with further values
        return takes(kind)[0], 1, math.inf
    return (kind, 0, math.inf) if others == [...] else (kind, 1 + len(others), 1 + len(others))


def is_flag(word: str) -> bool:
    """Whether a word is a flag: it begins with a dash, and is neither a dash nor a number."""
    return word.startswith("-") and word != "-" and not re.match(r"-\.?(\d|inf|nan)", word)


def unknown(name: str, flags: Iterable[str], places: Sequence[str] = ()) -> NoReturn:
    """Raise ValueError for a flag that does not exist, with the one that is most like it."""
    word = name.lstrip("-").replace("_", "-")
    if word.upper() in places:
        raise ValueError(f"unknown flag {name}: {word.upper()} is the first word, without a flag")
    full: dict[str, str] = {}
    for flag in flags:
        for short in (flag.lstrip("-"), flag.rpartition(".")[2].lstrip("-")):  # --lr may be --optim.lr
            full.setdefault(short, flag)
    meant = near(word, full)
    other = "see --help" if name.startswith("--") else f"a value that begins with a dash is written --flag={name}"
    raise ValueError(f"unknown flag {name}; " + (f"did you mean {full[meant]}?" if meant else other))


def one_more(word: str, flag: Flag | None) -> NoReturn:
    """Raise ValueError for a word that nothing takes, after this flag."""
    takes = ""
    if flag:
        count = {0: "no value", 1: "one value"}.get(int(flag.most) if flag.most < 2 else -1, f"{flag.least} values")
        takes = f": {flag.names[0]} takes {count}"
    raise ValueError(f"{word!r} is one word too many{takes}")


def values_after(name: str, flag: Flag, values: list[str], rest: list[str], known: Iterable[str]) -> list[str]:
    """Add to the values of a flag from the front of `rest`. Raises ValueError if they are too few."""
    while rest and not is_flag(rest[0]) and len(values) < flag.most:
        values.append(rest.pop(0))
    if len(values) < flag.least:
        next_flag = rest[0].partition("=")[0] if rest else ""
        dash = next_flag and next_flag not in known and not next_flag.startswith("--")
        hint = f"; what begins with a dash is written {name}={rest[0]}" if dash else ""
        raise ValueError(f"{name} needs {flag.wanted}, got {' '.join(values) or 'nothing'}{hint}")
    return values


def check_words(words: Sequence[str], flags: Sequence[Flag]) -> None:
    """Raise ValueError, in one line, for a flag that does not exist, a value that does not fit, or what is missing."""
    places, named = [f for f in flags if f.place], {name: f for f in flags if not f.place for name in f.names}
    rest, given, free = list(words), set(), []
    flag: Flag | None = None
    while rest and rest[0] != "--":  # what follows that is for tyro alone
        word = rest.pop(0)
        if not is_flag(word):
            free.append(word)
            if len(free) > sum(place.most for place in places):
                one_more(word, flag)
            continue
        name, equals, value = word.partition("=")
        flag = named.get(name.replace("_", "-")) or unknown(name, named, [p for place in places for p in place.names])
        if equals and not flag.most:
            one_more(value, flag)
        for one in values_after(name, flag, [value] if equals else [], rest, named):
            flag.check(one)
        given.add(flag)
    for place, word in zip(places * len(free), free, strict=False):
        place.check(word)
    for flag in flags:
        if flag.needed and not (free or rest if flag.place else flag in given):
            raise ValueError(f"{flag.names[0]} is missing: expected {flag.wanted}{' as the first word' * flag.place}")


def in_one_line(box: str) -> str:
    """The words of one of tyro's boxes, up to the line that refers to the help."""
    lines = [line.strip("│╭╮╰╯─- ") for line in box.splitlines()]
    lines = [line for line in lines[: lines.index("", 2) if "" in lines[2:] else None] if line]
    return re.sub(r"^Error parsing settings\S*: ", "", " ".join(lines[1:] or lines))


def command_line(name: str) -> str:
    """How to start another command from where the user stands: as a script if this one is a script, else by python -m
    ddpm."""
    python, here = Path(sys.executable), Path.cwd()
    if python.is_relative_to(here):
        python = python.relative_to(here)
    return f"{shlex.quote(str(python))} {project_file(f'scripts/{name}.py') if by_script() else f'-m ddpm {name}'}"


def by_script() -> bool:
    """Whether this command is a file of scripts/."""
    return sys.argv[0].endswith(".py")


def project_file(name: str) -> str:
    """A file of the project, quoted for a shell, from where the user stands; as it is if this command is no script."""
    return shlex.quote(os.path.normpath(Path(sys.argv[0]).parent / ".." / name) if by_script() else name)


def words_of(settings: Any, apart: Collection[str] = (), prefix: str = "--") -> list[str]:
    """The flags that `parse` reads as these settings, of what differs from the defaults; without those named `apart`,
    and without what is given by its place."""
    words: list[str] = []
    for setting in settings_in(type(settings), prefix):
        field, _, marks, name = setting
        value = getattr(settings, field.name)
        if field.name in apart or tyro.conf.Positional in marks or value == default_of(field):
            continue
        if setting.nested:
            words += words_of(value, apart, name)
        elif isinstance(value, tuple):
            words += [name, *map(str, value)]
        else:
            words += [name] if value is True else [negated(name)] if value is False else [f"{name}={value}"]
    return words


def default_of(field: dataclasses.Field) -> Any:
    """What a field has if nothing is given."""
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def with_settings_of(words: list[str], flags: Iterable[Flag]) -> list[str]:
    """The words of a command line, and what the picture of its --like FILE was made with where they do not say other.

    Raises ValueError for a picture without settings.
    """
    first_name = {name: flag.names[0] for flag in flags for name in flag.names}
    given = {first_name.get(word.partition("=")[0].replace("_", "-")) for word in words if is_flag(word)}
    if "--like" not in given:
        return words
    where = next(i for i, word in enumerate(words) if word.partition("=")[0] == "--like")
    path = Path(words[where].partition("=")[2] or next(iter(words[where + 1 :]), ""))
    with opened(path) as image:
        kept = getattr(image, "text", {}).get(ARGUMENTS)
    if kept is None:
        raise ValueError(f"--like {path}: there are no settings in it; expected a picture that edit.py wrote")
    more, own = [], False
    for word in shlex.split(kept):
        own = first_name.get(word.partition("=")[0]) in given if is_flag(word) else own
        more += [] if own else [word]
    return [*words, *more]


def give_helps(settings: type) -> None:
    """Have tyro say of each field what stands below it in the source, as one line for it to wrap: where it reads that
    itself, it keeps the line breaks of the source too."""
    for cls in settings.__mro__:
        if not dataclasses.is_dataclass(cls):
            continue
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name, text in field_docs(cls.__module__, cls.__name__):
            if name in fields:
                told = {"help": re.sub(r"\s*\n\s*", " ", text)}
                fields[name].metadata = MappingProxyType(fields[name].metadata | told)
    for setting in settings_in(settings, ""):
        if setting.nested:
            give_helps(setting.kind)


def parse(settings: type[T], about: str | None, default: Any = tyro.MISSING) -> T:
    """The command line as settings, over those in `default`; --help shows `about`.

    Raises ValueError, in one line, for a mistake.
    """
    flags = list(flags_of(settings, default))
    words = with_settings_of(sys.argv[1:], flags)
    if {"-h", "--help"} & set(words):
        give_helps(settings)
    elif not (words and words[0].startswith("--tyro-")):
        check_words(words, flags)
    if os.environ.get("NO_COLOR"):
        getattr(tyro, "_experimental_options", {})["ansi_codes"] = False
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                settings,
                args=words,
                description=about,
                config=(tyro.conf.PositionalMetavarFromFieldName,),
                **({} if default is tyro.MISSING else {"default": default}),
            )
    except SystemExit as e:
        if not e.code:
            raise
        raise ValueError(in_one_line(said.getvalue())) from None
