"""Turn the type annotations of the stripe library into shapes that a value can be checked against.

The library says what Stripe accepts and answers in three dialects: TypedDicts for parameters, annotated
classes for resources, and strings naming classes that only a type checker imports. All end as a Shape.
Records read their fields on first use, because resources refer to each other in circles.
"""

import ast
import decimal
import importlib
import inspect
import sys
import types
import typing
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import typing_extensions
from stripe import ListObject, RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject


class Shape:
    """One kind of value."""


class Text(Shape): ...


class Integer(Shape): ...


class Number(Shape): ...


class Boolean(Shape): ...


class DecimalText(Shape):
    """A decimal number, which travels as a string."""


class Anything(Shape): ...


class Unset(Shape):
    """The empty string, by which a request removes a value."""


@dataclass(frozen=True)
class Choice(Shape):
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ListOf(Shape):
    item: Shape


@dataclass(frozen=True)
class MapOf(Shape):
    value: Shape


@dataclass(frozen=True)
class OneOf(Shape):
    options: tuple[Shape, ...]


@dataclass(frozen=True)
class Field:
    shape: Shape
    nullable: bool
    required: bool


class Record(Shape):
    """The fields of one class of the library; for a resource also the name it bears in `object`."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.name = cls.__qualname__
        self.object_name: str | None = getattr(cls, "OBJECT_NAME", None)
        self.is_request = typing_extensions.is_typeddict(cls)

    @cached_property
    def fields(self) -> dict[str, Field]:
        left_out = set(RequestOptions.__annotations__) if self.is_request else {"OBJECT_NAME"}
        module = sys.modules[self.cls.__module__]
        declared = inspect.get_annotations(self.cls)
        return {
            name: _read_field(annotation, module, self.is_request)
            for name, annotation in declared.items()
            if name not in left_out
        }


@dataclass(frozen=True)
class Page(Shape):
    """Stripe's list object: a page of resources."""

    item: Shape


def _read_field(annotation: Any, module: types.ModuleType, is_request: bool) -> Field:
    origin = typing.get_origin(annotation)
    required = origin is not typing_extensions.NotRequired
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        annotation = typing.get_args(annotation)[0]
    annotation = _resolved(annotation, module)
    nullable = type(None) in typing.get_args(annotation)
    return Field(
        shape=read(annotation, module),
        nullable=nullable,
        required=required if is_request else not nullable,
    )


def read(annotation: Any, module: types.ModuleType) -> Shape:
    """The shape an annotation found in module stands for; raises TypeError if it is of an unknown kind."""
    annotation = _resolved(annotation, module)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _read_union(arguments, module)
    if origin is typing.Literal:
        return _one_of(_read_literal(arguments))
    if origin in (list, typing.List):  # noqa: UP006 - what get_origin may return
        return ListOf(read(arguments[0], module))
    if origin in (dict, UntypedStripeObject):
        return MapOf(read(arguments[-1], module))
    if origin is ListObject:
        return Page(read(arguments[0], module))
    if inspect.isclass(annotation) and (
        issubclass(annotation, StripeObject) or typing_extensions.is_typeddict(annotation)
    ):
        return _record_of(annotation)
    raise TypeError(f"{module.__name__} uses an annotation the sandbox cannot read: {annotation!r}")


def _read_union(members: tuple[Any, ...], module: types.ModuleType) -> Shape:
    resolved = [_resolved(member, module) for member in members if member is not type(None)]
    choices = [m for m in resolved if typing.get_origin(m) is typing.Literal and typing.get_args(m) != ("",)]
    if choices:
        # The library widens every closed set with `str`, so that newer values pass. The sandbox is exactly of
        # the pinned version: it keeps the set closed.
        resolved = [member for member in resolved if member is not str]
    shapes: list[Shape] = []
    for member in resolved:
        if typing.get_origin(member) is typing.Literal:
            shapes.extend(_read_literal(typing.get_args(member)))
        else:
            shapes.append(read(member, module))
    return _one_of(shapes)


def _read_literal(values: tuple[Any, ...]) -> list[Shape]:
    shapes: list[Shape] = [Unset()] if "" in values else []
    named = tuple(value for value in values if value != "")
    return shapes + ([Choice(named)] if named else [])


def _one_of(shapes: list[Shape]) -> Shape:
    distinct: list[Shape] = []
    for shape in shapes:
        if not any(shape is other or shape == other for other in distinct):
            distinct.append(shape)
    return distinct[0] if len(distinct) == 1 else OneOf(tuple(distinct))


_records: dict[Any, Record] = {}


def _record_of(cls: Any) -> Record:
    return _records.setdefault(cls, Record(cls))


_PLAIN: dict[Any, Shape] = {
    str: Text(),
    int: Integer(),
    float: Number(),
    bool: Boolean(),
    decimal.Decimal: DecimalText(),
    Any: Anything(),
    object: Anything(),
}


def _resolved(annotation: Any, module: types.ModuleType) -> Any:
    while isinstance(annotation, (str, typing.ForwardRef)):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        annotation = eval(text, vars(module), _names_of(module))  # noqa: S307 - the library's own annotations
    return annotation


class _CheckerNames(dict[str, Any]):
    """What a module imports for type checkers only, imported when an annotation first asks for it."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__()
        self._origins: dict[str, tuple[str, str]] = {}
        for statement in ast.parse(inspect.getsource(module)).body:
            if isinstance(statement, ast.If):
                self._note_imports(statement.body)

    def _note_imports(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.ImportFrom) and statement.module:
                for alias in statement.names:
                    self._origins[alias.asname or alias.name] = (statement.module, alias.name)

    def __missing__(self, name: str) -> Any:
        if name not in self._origins:
            raise KeyError(name)
        module_name, attribute = self._origins[name]
        self[name] = getattr(importlib.import_module(module_name), attribute)
        return self[name]


@cache
def _names_of(module: types.ModuleType) -> _CheckerNames:
    return _CheckerNames(module)
