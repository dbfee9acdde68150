"""`python -m tests.api_reference`: the API reference, docs/api.md, made from the docstrings of what is public.

Public is what `__all__` of a module in MODULES names, and of a class the methods and properties that it defines itself.
Docstrings are in Google style: a description, then sections such as `Args:` with indented entries `name: text`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

MODULES = (
    "daddy_encode",
    "daddy_encode.dump",
    "daddy_encode.dump.gymnasium",
    "daddy_encode.dump.pettingzoo",
    "daddy_encode.dump.stable_baselines3",
    "daddy_encode.cluster",
    "daddy_encode.errors",
)
# Sections whose entries have names, and sections of plain text.
NAMED_SECTIONS = ("Args", "Attributes", "Raises")
TEXT_SECTIONS = ("Returns", "Yields")
HEAD = """# Python API

Made from the docstrings by `python -m tests.api_reference`; a test fails when it is not current.
"""


@dataclass
class Docstring:
    """A docstring in its parts: entries by name, or for a section of plain text one entry with an empty name."""

    description: str
    sections: dict[str, dict[str, str]]


def parse_docstring(text: str) -> Docstring:
    """Split a docstring, as `docstring_of` returns it. Raises ValueError if a section is malformed."""
    heading = re.compile(rf"^({'|'.join(NAMED_SECTIONS + TEXT_SECTIONS)}):$", re.MULTILINE)
    description, *parts = heading.split(text)
    sections = {}
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        if re.search(r"^\S", body, re.MULTILINE):
            raise ValueError(f"text behind the section {title}: it has to be before the first section, or indented")
        body = inspect.cleandoc(body)
        sections[title] = dict(_entries(body)) if title in NAMED_SECTIONS else {"": body}
    return Docstring(description.strip(), sections)


def _entries(body: str) -> Iterator[tuple[str, str]]:
    """The entries `name: text`, each with its continuation lines, which are indented further."""
    for entry in re.split(r"\n(?=\S)", body):
        name, colon, text = entry.partition(":")
        if not colon or not re.fullmatch(r"\*{0,2}\w+", name):
            raise ValueError(f"{entry!r} is not `name: text` with continuation lines indented further")
        yield name.lstrip("*"), " ".join(text.split())


def docstring_of(value: Any) -> str:
    """Its own docstring, not one of a base class, without the indentation; empty if there is none."""
    return inspect.cleandoc(value.__doc__ or "")


@functools.cache
def public_module(name: str) -> ModuleType:
    """One of MODULES.

    Stable-Baselines3 needs torch. Of it there is a stand-in here, with the names of methods that our class overrides,
    so that this page is the same wherever it is made.
    """
    if name != "daddy_encode.dump.stable_baselines3":
        return importlib.import_module(name)
    overridden = dict.fromkeys(("reset", "step_wait", "seed", "close"))
    vec_env: Any = ModuleType("stable_baselines3.common.vec_env")
    vec_env.VecEnv = object
    vec_env.VecEnvWrapper = type("VecEnvWrapper", (), {"__module__": vec_env.__name__, **overridden})
    stand_ins = {parent: ModuleType(parent) for parent in ("stable_baselines3", "stable_baselines3.common")}
    stand_ins[vec_env.__name__] = vec_env
    before = {replaced: sys.modules.pop(replaced, None) for replaced in (*stand_ins, name)}
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module(name)
    finally:
        for replaced, module in before.items():
            del sys.modules[replaced]
            if module is not None:
                sys.modules[replaced] = module


def public_objects(module: ModuleType) -> dict[str, Any]:
    """What the module exports, in the order of `__all__`."""
    return {name: getattr(module, name) for name in module.__all__}


def public_callables() -> dict[str, Any]:
    """Every public function, method, property and class, by its qualified name."""
    found = {}
    for module_name in MODULES:
        for name, value in public_objects(public_module(module_name)).items():
            found[f"{module_name}.{name}"] = value
            if isinstance(value, type):
                found |= {f"{module_name}.{name}.{inner}": member for inner, member in public_members(value).items()}
    return found


def public_members(cls: type) -> dict[str, Any]:
    """The public methods and properties that `cls` defines, but not those that only override a foreign base class."""
    inherited = {
        name for base in cls.__mro__[1:] if not base.__module__.startswith("daddy_encode") for name in vars(base)
    }
    return {
        name: member
        # A private base of ours has no entry of its own.
        for owner in (cls, *(base for base in cls.__mro__[1:] if base.__name__.startswith("_")))
        for name, member in vars(owner).items()
        if not name.startswith("_") and name not in inherited and isinstance(member, (FunctionType, property))
    }


def parameters(function: Any) -> list[inspect.Parameter]:
    """Its parameters, without `self`; of a class, those of its `__init__`: `inspect` may prefer `__new__`."""
    if isinstance(function, type):
        function = vars(function)["__init__"]
    return [value for name, value in inspect.signature(function).parameters.items() if name != "self"]


def is_constructed(cls: type) -> bool:
    """Whether users construct the class: they do not construct what is only returned, and exceptions."""
    return not dataclasses.is_dataclass(cls) and "__init__" in vars(cls) and not issubclass(cls, Exception)


def reference() -> str:
    """The text of docs/api.md."""
    parts = [HEAD]
    for module_name in MODULES:
        module = public_module(module_name)
        names = "".join(f"\n    {name}," for name in module.__all__)
        imports = f"from {module_name} import ({names}\n)"
        parts += [f"## {module_name}\n", _code(imports), *_rendered(parse_docstring(docstring_of(module)))]
        for name, value in public_objects(module).items():
            parts.append(f"### {name}\n")
            if isinstance(value, type):
                parts += _class(name, value)
            else:
                parts += _function(name, value)
    return "\n".join(parts)


def _class(name: str, cls: type) -> Iterator[str]:
    if is_constructed(cls):
        yield _signature(f"class {name}", cls)
    else:
        bases = [base.__name__ for base in cls.__bases__ if base is not object]
        yield _code(f"class {name}({', '.join(bases)})" if bases else f"class {name}")
    is_returned = not is_constructed(cls) and not issubclass(cls, Exception)
    types = {name: str(kind) for name, kind in inspect.get_annotations(cls).items()} if is_returned else {}
    yield from _rendered(parse_docstring(docstring_of(cls)), types)
    for member_name, member in public_members(cls).items():
        yield f"#### {name}.{member_name}\n"
        if isinstance(member, property):
            yield _code(f"{member_name}: {member.fget.__annotations__['return']}")
            yield from _rendered(parse_docstring(docstring_of(member)))
        else:
            yield from _function(member_name, member)


def _function(name: str, function: Any) -> Iterator[str]:
    yield _signature(f"def {name}", function, function.__annotations__.get("return"))
    yield from _rendered(parse_docstring(docstring_of(function)))


def _signature(head: str, function: Any, returns: str | None = None) -> str:
    """As the source has it, one parameter per line if there is more than one. `inspect`'s text differs by version."""
    given, marked = [], False
    listed = parameters(function)
    for index, parameter in enumerate(listed):
        if parameter.kind is parameter.KEYWORD_ONLY and not marked:
            given.append("*")
        marked |= parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        # The text of a parameter begins with its stars and its name; what follows the name differs by version.
        name = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        given.append(f"{name}: {parameter.annotation}{default}")
        following = listed[index + 1].kind if index + 1 < len(listed) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and following is not parameter.POSITIONAL_ONLY:
            given.append("/")
    inner = ", ".join(given) if len(given) < 2 else "".join(f"\n    {line}," for line in given) + "\n"
    return _code(f"{head}({inner})" + (f" -> {returns}" if returns else ""))


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def _rendered(docstring: Docstring, types: Mapping[str, str] = {}) -> Iterator[str]:
    yield f"{_markdown(docstring.description)}\n"
    for title, entries in docstring.sections.items():
        yield f"**{title}**\n"
        for name, text in entries.items():
            label = f"{name}: {types[name]}" if name in types else name
            yield f"- `{label}`: {text}" if name else _markdown(text)
        yield ""


def _markdown(text: str) -> str:
    """Blocks that are indented become fenced."""
    blocks = re.split(r"\n\n", text)
    return "\n\n".join(f"```\n{textwrap.dedent(block)}\n```" if block.startswith("    ") else block for block in blocks)


if __name__ == "__main__":
    print(reference(), end="")
