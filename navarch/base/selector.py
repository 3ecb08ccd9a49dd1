"""Label and field selectors, compiled for matching.

Callers: the server for list and watch, the index for its lookups, controllers and scheduler for
the LabelSelectors in objects. A selector never changes once it is made.

Worked example:
    >>> s = parse_labels("app=web,tier in (a,b),!old")
    >>> s.matches({"app": "web", "tier": "a"}), str(s)
    (True, 'app=web,!old,tier in (a,b)')
    >>> parse_labels("app=web").pairs
    (('app', 'web'),)

Source: apimachinery `labels` and `fields` (grammar, texts of errors, printed form).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from navarch.base import names
from navarch.base.field import FieldError, invalid_value, not_supported

_OPERATORS: Final = ("in", "notin", "=", "==", "!=", "gt", "lt")
_SPECIAL: Final = "=!(),<>"
_TOKENS: Final = ("==", "!=", "=", "!", "(", ")", ",", "<", ">")
#: LabelSelector operators and those of the query syntax.
_FROM_OPERATOR: Final = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


class SelectorError(ValueError):
    """The text is not a selector; the message is Kubernetes' own."""


class ExpressionLike(Protocol):
    """One `matchExpressions` entry as a typed view."""

    @property
    def key(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def values(self) -> Sequence[str]: ...


class LabelSelectorLike(Protocol):
    """A LabelSelector as a typed view."""

    @property
    def matchLabels(self) -> Mapping[str, str]: ...
    @property
    def matchExpressions(self) -> Sequence[ExpressionLike]: ...


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition. `operator` is in, notin, =, ==, !=, gt, lt, exists or ! (does not exist);
    `values` are sorted and distinct."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        number, limit = _int64(value), _int64(self.values[0])
        if number is None or limit is None:
            return False
        return number > limit if self.operator == "gt" else number < limit

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return "!" + self.key
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
            case "gt":
                return f"{self.key}>{self.values[0]}"
            case "lt":
                return f"{self.key}<{self.values[0]}"
        return f"{self.key}{self.operator}{self.values[0]}"


class Selector:
    """A conjunction of requirements, sorted by key. Without requirements it matches everything."""

    __slots__ = ("_rest", "matches_nothing", "pairs", "requirements")

    requirements: tuple[Requirement, ...]
    #: The exact labels, where all requirements are equalities: an index can answer them alone.
    pairs: tuple[tuple[str, str], ...] | None
    matches_nothing: bool

    def __init__(self, requirements: Iterable[Requirement], *, matches_nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.matches_nothing = matches_nothing
        exact = tuple((r.key, r.values[0]) for r in self.requirements if _is_exact(r))
        self._rest = tuple(r for r in self.requirements if not _is_exact(r))
        self.pairs = None if self._rest or matches_nothing else exact

    @property
    def is_everything(self) -> bool:
        return not self.requirements and not self.matches_nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.matches_nothing:
            return False
        get = labels.get
        if self.pairs is not None:
            for key, value in self.pairs:  # noqa: SIM110  # twice as fast as all() with a generator
                if get(key) != value:
                    return False
            return True
        return all(r.matches(labels) for r in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return "Selector(nothing)" if self.matches_nothing else f"Selector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return self.requirements == other.requirements and self.matches_nothing == other.matches_nothing

    def __hash__(self) -> int:
        return hash((self.requirements, self.matches_nothing))


def _is_exact(requirement: Requirement) -> bool:
    return requirement.operator in ("=", "==", "in") and len(requirement.values) == 1


EVERYTHING: Final = Selector(())
NOTHING: Final = Selector((), matches_nothing=True)


def parse_labels(text: str) -> Selector:
    """The label selector written in the query syntax: `a=b,c!=d,e in (x,y),!f,g`.

    Raises: SelectorError with Kubernetes' text.
    """
    return Selector(_Parser(text).requirements())


def from_labels(labels: Mapping[str, str]) -> Selector:
    """Selects objects that carry all of `labels`; everything if there are none."""
    return Selector(Requirement(k, "=", (v,)) for k, v in labels.items())


def from_label_selector(selector: Mapping[str, Any] | LabelSelectorLike | None) -> Selector:
    """A LabelSelector, as a tree or as a view. Empty matches everything, absent matches nothing.

    Raises: SelectorError where a requirement is not valid.
    """
    if selector is None:
        return NOTHING
    if isinstance(selector, Mapping):
        labels = selector.get("matchLabels") or {}
        entries = [
            (e.get("key", ""), e.get("operator", ""), e.get("values") or ())
            for e in selector.get("matchExpressions") or ()
        ]
    else:
        labels = selector.matchLabels
        entries = [(e.key, e.operator, e.values) for e in selector.matchExpressions]
    requirements = [requirement(k, "=", (v,)) for k, v in labels.items()]
    for key, operator, values in entries:
        if operator not in _FROM_OPERATOR:
            raise SelectorError(f'"{operator}" is not a valid label selector operator')
        requirements.append(requirement(key, _FROM_OPERATOR[operator], values))
    return Selector(requirements) if requirements else EVERYTHING


def format_label_selector(selector: Mapping[str, Any] | LabelSelectorLike | None) -> str:
    """How tables and `kubectl describe` print a LabelSelector."""
    try:
        return str(from_label_selector(selector)) or "<none>"
    except SelectorError:
        return "<error>"


def requirement(key: str, operator: str, values: Iterable[str] = ()) -> Requirement:
    """A checked requirement.

    Raises: SelectorError with all faults.
    """
    return _checked(key, operator, tuple(sorted(set(values))))


@lru_cache(maxsize=4096)
def _checked(key: str, operator: str, listed: tuple[str, ...]) -> Requirement:
    """Remembered: the selector of a workload is read for each of its pods."""
    errors = []
    if texts := names.label_key_errors(key):
        errors.append(invalid_value("<nil>", key, "; ".join(texts)))
    errors += _count_errors(operator, listed)
    for i, value in enumerate(listed):
        if texts := names.label_value_errors(value):
            errors.append(invalid_value(f"values[{i}][{key}]", value, "; ".join(texts)))
    if errors:
        texts = list(dict.fromkeys(map(str, errors)))
        raise SelectorError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return Requirement(key, operator, listed)


def _count_errors(operator: str, values: tuple[str, ...]) -> list[FieldError]:
    match operator:
        case "in" | "notin":
            if not values:
                return [invalid_value("values", [], "for 'in', 'notin' operators, values set can't be empty")]
        case "=" | "==" | "!=":
            if len(values) != 1:
                return [invalid_value("values", list(values), "exact-match compatibility requires one single value")]
        case "exists" | "!":
            if values:
                return [
                    invalid_value(
                        "values", list(values), "values set must be empty for exists and does not exist operators"
                    )
                ]
        case "gt" | "lt":
            if len(values) != 1:
                return [
                    invalid_value("values", list(values), "for 'Gt', 'Lt' operators, exactly one value is required")
                ]
            if _int64(values[0]) is None:
                return [invalid_value("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer")]
        case _:
            return [not_supported("operator", operator, _OPERATORS)]
    return []


def _int64(text: str | None) -> int | None:
    digits = text[1:] if text and text[0] in "+-" else text
    if not text or not digits or not digits.isdecimal() or not digits.isascii():
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


class _Parser:
    """Recursive descent over the tokens of one selector. An empty token is the end."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def requirements(self) -> list[Requirement]:
        out: list[Requirement] = []
        while (token := self._peek()) != "":
            if token in _TOKENS and token != "!":
                raise SelectorError(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                out.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            if (token := self._take()) == "":
                break
            if token != ",":
                raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
            following = self._peek()
            if following == "" or (following in _TOKENS and following != "!"):
                raise SelectorError(f"found '{following}', expected: identifier after ','")
        return out

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._take()
        key = self._take()
        if key == "" or key in _TOKENS:
            raise SelectorError(f"found '{key}', expected: identifier")
        if texts := names.label_key_errors(key):
            raise SelectorError(str(invalid_value("<nil>", key, "; ".join(texts))))
        if absent:
            return Requirement(key, "!")
        if self._peek() in ("", ","):
            return Requirement(key, "exists")
        operator = {">": "gt", "<": "lt"}.get(token := self._take(), token)
        if token in ("in", "notin"):
            return requirement(key, operator, self._values())
        if token not in ("=", "==", "!=", ">", "<"):
            raise SelectorError(f"found '{token}', expected: {', '.join(_OPERATORS)}")
        return requirement(key, operator, (self._exact_value(),))

    def _exact_value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        token = self._take()
        if token in _TOKENS:
            raise SelectorError(f"found '{token}', expected: identifier")
        return token

    def _values(self) -> list[str]:
        """`(a,b)`. A missing element is the empty string, also in `()`."""
        if (token := self._take()) != "(":
            raise SelectorError(f"found '{token}' expected: '('")
        out = [""] if self._peek() in (",", ")") else []
        while (token := self._take()) != ")":
            if token == ",":
                if self._peek() in (",", ")"):
                    out.append("")
                continue
            if token == "" or token in _TOKENS:
                raise SelectorError(f"found '{token}', expected: ',', or identifier")
            out.append(token)
            if self._peek() not in (",", ")"):
                raise SelectorError(f"found '{self._peek()}', expected: ',' or ')'")
        return out

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token


def _tokens(text: str) -> list[str]:
    out = []
    i = 0
    while i < len(text):
        if text[i] in " \t\r\n":
            i += 1
        elif text[i] in _SPECIAL:
            token = text[i : i + 2] if text[i : i + 2] in ("==", "!=") else text[i]
            out.append(token)
            i += len(token)
        else:
            start = i
            while i < len(text) and text[i] not in _SPECIAL and text[i] not in " \t\r\n":
                i += 1
            out.append(text[start:i])
    return out


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """`field` (a dotted path) compared with `value`; `operator` is `=` or `!=`."""

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{escape_field_value(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A conjunction of comparisons of fields. Empty matches everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, get: Callable[[str], str]) -> bool:
        """`get` gives the value of a field by its path, the empty string if it is absent."""
        return all((get(r.field) == r.value) == (r.operator == "=") for r in self.requirements)

    def exact(self, field: str) -> str | None:
        """The value that `field` must have, if the selector fixes one."""
        return next((r.value for r in self.requirements if r.field == field and r.operator == "="), None)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def parse_fields(text: str) -> FieldSelector:
    """The field selector written in `text`: `a=b,c!=d`, where backslash escapes `,`, `=` and itself.

    Raises: SelectorError with Kubernetes' text.
    """
    requirements = []
    for part in _split_terms(text):
        if not part:
            continue
        path, operator, value = _split_term(part)
        if not operator:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        unescaped = _unescape(value)
        if path or unescaped:  # `=` alone says nothing
            requirements.append(FieldRequirement(path, "!=" if operator == "!=" else "=", unescaped))
    return FieldSelector(tuple(sorted(requirements, key=lambda r: r.field)))


def escape_field_value(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _split_terms(text: str) -> list[str]:
    """Cut at the commas that no backslash precedes."""
    parts = [""]
    escaped = False
    for char in text:
        if char == "," and not escaped:
            parts.append("")
            continue
        parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def _split_term(part: str) -> tuple[str, str, str]:
    """The first operator cuts: `!=` before `==` before `=` at the same place."""
    for i in range(len(part)):
        for operator in ("!=", "==", "="):
            if part.startswith(operator, i):
                return part[:i], operator, part[i + len(operator) :]
    return part, "", ""


def _unescape(value: str) -> str:
    out = []
    escaped = False
    for char in value:
        if escaped:
            if char not in ",=\\":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out.append(char)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)
