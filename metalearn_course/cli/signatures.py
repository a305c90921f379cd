"""Options of the command line, read from the signature of a class and from its docstring.

Every keyword of the class becomes an option: `inner_lr: float = 0.4` is `--inner-lr 0.4`. A line of the
docstring such as `inner_lr: rate of the inner steps`, with indented lines after it, is its help; one line may
speak of several, `inner_steps, test_steps: …`. A parameter without a default is a positional argument.

    int, float, str       one value               Literal["a", "b"]     one of these
    bool                  --x, or --no-x where the default is True; both where it is `bool | None`
    tuple[float, float]   two values              tuple[str, ...]       one or more
    Annotated[int, read]  one value, of which `read` makes the number or refuses it
    Annotated[str, known] one of the strings in the tuple `known`
"""

import argparse
import inspect
import re
import typing
from types import NoneType
from typing import Annotated, Any, Literal

ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)")


class Parser(argparse.ArgumentParser):
    """argparse answers a mistake with every option there is; the mistake alone is easier to read."""

    def __init__(self, **options: Any):
        options.update(allow_abbrev=False, formatter_class=Form)
        super().__init__(**options)

    def error(self, message: str):
        self.exit(2, f"error: {message} ({self.prog} --help says more)\n")


class Form(argparse.ArgumentDefaultsHelpFormatter):
    """Help that names the defaults, where there is one to name."""

    def _get_help_string(self, action):
        said = action.default is None or action.nargs == 0  # nothing to name, or a flag
        return action.help if said else super()._get_help_string(action)


def add_options(parser: argparse.ArgumentParser, cls: type, skip=(), aliases=None, defaults=None) -> None:
    """Give the parser an option for every keyword of a class, but for those in `skip`.

    aliases: second names of options, {keyword: "--name"}. defaults: others than the signature's, {keyword: value}.
    """
    words, positional = descriptions(cls), []
    for name, parameter in keywords(cls).items():
        if name in skip:
            continue
        default = (defaults or {}).get(name, parameter.default)
        kind, how = parameter.annotation, {}
        how["help"] = words.get(name, "").rstrip(".").replace("%", "%%")
        if name == "norm" and hasattr(cls, "norms"):
            kind = Annotated[str, cls.norms]  # the modes that a learner knows stand in its class
        if default is parameter.empty:
            positional.append(name.upper())
            parser.add_argument(name, metavar=name.upper(), **how)
        else:
            flags, more = _form(name, kind, default)
            flags += [aliases[name]] if aliases and name in aliases else []
            parser.add_argument(*flags, dest=name, default=default, **how, **more)
    if isinstance(parser, Parser):
        parser.usage = " ".join([parser.prog, *positional, "[options]"])  # argparse would list them all
        parser.set_defaults(parser=parser)


def made(cls: type, args: argparse.Namespace, **more) -> Any:
    """An object of the class from those of its keywords that were typed, or that `more` says."""
    given = vars(args) | more
    return cls(**{name: given[name] for name in keywords(cls) if name in given})


def keywords(cls: type) -> dict[str, inspect.Parameter]:
    """The parameters of a class; where it hands on **others, those of its base too."""
    parameters = dict(inspect.signature(cls).parameters)
    others = [name for name, parameter in parameters.items() if parameter.kind is parameter.VAR_KEYWORD]
    for name in others:
        del parameters[name]
    return keywords(cls.__mro__[1]) | parameters if others else parameters


def descriptions(cls: type) -> dict[str, str]:
    """What the docstrings of a class and of its bases say of each of its parameters; the class's own word counts."""
    known, found = keywords(cls), {}
    for each in reversed(cls.__mro__):
        said: list[str] = []  # the names that the current entry speaks of
        for line in inspect.cleandoc(each.__dict__.get("__doc__") or "").splitlines():
            entry = ENTRY.fullmatch(line)
            if entry and known.keys() & (said := entry[1].split(", ")):
                found |= dict.fromkeys(said, entry[2])
            elif said and line.startswith(" "):
                found |= dict.fromkeys(said, f"{found[said[0]]} {line.strip()}")
            else:
                said = []
    return found


def _form(name: str, kind: Any, default: Any) -> tuple[list[str], dict]:
    """The flags of an option, and what argparse wants to know of its values."""
    flag = "--" + name.replace("_", "-")
    inner = [each for each in typing.get_args(kind) if each is not NoneType]
    optional = NoneType in typing.get_args(kind)
    kind = inner[0] if optional else kind
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is bool:
        if optional:
            return [flag], dict(action=argparse.BooleanOptionalAction)
        return (["--no-" + flag[2:]], dict(action="store_false")) if default else ([flag], dict(action="store_true"))
    if origin is tuple:
        return [flag], _one_value(inner[0]) | dict(nargs="+" if inner[-1] is Ellipsis else len(inner))
    return [flag], _one_value(kind)


def _one_value(kind: Any) -> dict:
    """What argparse wants to know of a value that is neither a bool nor a tuple."""
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        return dict(choices=choices, type=type(choices[0]))
    if typing.get_origin(kind) is Annotated:
        (how,) = kind.__metadata__
        return dict(choices=how) if isinstance(how, tuple) else dict(type=how)
    return dict(type=kind)
