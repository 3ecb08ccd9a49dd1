"""`-o jsonpath=...`, `-o go-template=...` and their forms with files."""

from __future__ import annotations

from navarch.cli.errors import CliError
from navarch.cli.output.printer import Print


def template_printer(form: str, argument: str, given: bool, allow_missing: bool) -> Print:
    """The printer for one of printer.TEMPLATE_FORMS. Raises: CliError."""
    if not argument:
        what = "template" if not form.startswith("jsonpath") else form.removesuffix("-file")
        raise CliError(f"{what} format specified but no template given")
    if form in ("jsonpath-file", "go-template-file", "templatefile"):
        argument = _read(form, argument)
    if form.startswith("jsonpath"):
        return _jsonpath(argument, as_json=form == "jsonpath-as-json", allow_missing=allow_missing)
    return _go(argument, allow_missing=allow_missing)


def _read(form: str, path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise CliError(f"error reading --template {path}, open {path}: {(error.strerror or '').lower()}") from error


def _jsonpath(text: str, *, as_json: bool, allow_missing: bool) -> Print:
    from navarch.base import jsonpath

    try:
        compiled = jsonpath.compile(text, strict=not allow_missing)
    except jsonpath.JsonPathError as error:
        raise CliError(f"error parsing jsonpath {text}, {error}") from error

    def show(tree: dict[str, object]) -> str:
        try:
            return compiled.render_json(tree) if as_json else compiled.render(tree)
        except jsonpath.JsonPathError as error:
            raise CliError(f'error executing jsonpath "{text}": {error}') from error

    return show


def _go(text: str, *, allow_missing: bool) -> Print:
    from navarch.cli.output.go_template import TemplateError, compile_template

    try:
        template = compile_template(text, strict=not allow_missing)
    except TemplateError as error:
        raise CliError(f"error parsing template {text}, {error}") from error

    def show(tree: dict[str, object]) -> str:
        try:
            return template.render(tree)
        except TemplateError as error:
            raise CliError(f'error executing template "{text}": {error}') from error

    return show
