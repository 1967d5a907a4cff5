"""Match the image names of another file to those of a predictions table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from napari_artifact_review.core.images.image_names import NamePath, read_name
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.reading import FindAliases


def match_images(
    names: Sequence[str], table: Predictions, find_aliases: FindAliases
) -> dict[str, int]:
    """Find the image of a table that each name means.

    A name is, in this order: a name of the table; another name of one of its files; the
    same path, apart from separators and the suffix of an image; the same base name, if
    only one image on either side has it.

    Parameters
    ----------
    names : sequence of str
        All distinct image names of the other file.
    table : Predictions
        The table.
    find_aliases : callable
        Returns an earlier name for each of the image names that means the same file.

    Returns
    -------
    dict of str to int
        Index in `table.image_names` of each name that means an image there.
    """
    index = {name: at for at, name in enumerate(table.image_names)}
    known = index | {alias: index[name] for alias, name in table.aliases.items()}
    found = {name: known[name] for name in names if name in known}
    rest = [name for name in names if name not in found]
    if not rest:
        return found
    aliases = find_aliases([*table.image_names, *rest])
    same_file = {name: aliases[name] for name in rest if name in aliases}
    found |= {name: index[same] for name, same in same_file.items() if same in index}
    rest = [name for name in rest if name not in found]
    by_path = _unique({name: _paths(name) for name in index})
    for name in rest:
        same_path = [by_path[path] for path in _paths(name) if path in by_path]
        if same_path:
            # The likelier reading of a name comes first.
            found[name] = index[same_path[0]]
    # A base name that occurs twice on a side says nothing.
    by_base = _unique({name: _base_names(name) for name in index})
    theirs = _unique({name: _base_names(name) for name in names})
    for base, name in theirs.items():
        if name not in found and base in by_base:
            found[name] = index[by_base[base]]
    return found


def _unique(keys: Mapping[str, Iterable[Hashable]]) -> dict[Hashable, str]:
    """Return the only name with each key; keys of several names are left out."""
    names = defaultdict[Hashable, set[str]](set)
    for name, own in keys.items():
        for key in own:
            names[key].add(name)
    return {key: min(own) for key, own in names.items() if len(own) == 1}


def _paths(name: str) -> list[NamePath]:
    return [path.without_suffix for path in read_name(name) if path.base_name]


def _base_names(name: str) -> set[str]:
    return {path.base_name for path in _paths(name)}
