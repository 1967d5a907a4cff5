"""One self-contained HTML file, from a template."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from napari_artifact_review.core.atomic_files import Written, replace_or_back_up
from napari_artifact_review.core.errors import SaveError


def render(template: str, contents: Mapping[str, Any]) -> str:
    """Return a page as HTML, with every text escaped.

    Parameters
    ----------
    template : str
        Name of the template in this package.
    contents : mapping of str to object
        Values of the template's variables; each variable needs one.
    """
    # Import here, because only a report needs this library.
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(contents)


def write_html(page: str, output: Path, *, is_own: bool = True) -> Written:
    """Write a page atomically: completely or not at all.

    Parameters
    ----------
    page : str
        The page.
    output : Path
        Path of the HTML file.
    is_own : bool, optional
        Whether an earlier file may be replaced without a backup.

    Raises
    ------
    SaveError
        If the name of the output does not end in .html or .htm, or if the file cannot
        be written.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise SaveError(
            "a report must be an HTML file",
            path=output,
            remedy="Choose a name that ends in .html",
        )
    if not output.absolute().parent.is_dir():
        raise SaveError(
            "the folder does not exist",
            path=output.absolute().parent,
            remedy="Create it, or choose another",
        )
    # Escape bytes of a path that are not valid Unicode.
    contents = page.encode(errors="backslashreplace")
    return replace_or_back_up(
        output, lambda stream: stream.write(contents), is_own=is_own
    )


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
