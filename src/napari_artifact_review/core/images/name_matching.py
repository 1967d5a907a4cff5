"""Match the image names of one table to those of another one."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from napari_artifact_review.core.images.image_names import (
    NamePath,
    read_name,
    split_hdu,
)

#: Returns the file of each image name of one table that has exactly one file.
FindFiles: TypeAlias = Callable[[Sequence[str]], Mapping[str, Path]]


def no_files(names: Sequence[str]) -> Mapping[str, Path]:  # noqa: ARG001
    """Return no file for any name; a `FindFiles` without a folder."""
    return {}


def match_names(
    names: Sequence[str],
    known: Sequence[str],
    find_files: FindFiles = no_files,
    find_known_files: FindFiles | None = None,
) -> dict[str, str]:
    """Find the image of another table that each name means.

    A name is, in this order: a known name; a name of the same file; the same path,
    apart from separators and the suffix of an image; the same path apart from leading
    folders, if no other name of either table has this base name. Names with different
    files, or with different HDUs, are different images.

    No file is examined if all names are known names.

    Parameters
    ----------
    names : sequence of str
        All distinct image names of a table.
    known : sequence of str
        All distinct image names of the other table.
    find_files : callable
        Returns the file of each of the `names` that has exactly one.
    find_known_files : callable, optional
        The same for the `known` names; by default `find_files`.

    Returns
    -------
    dict of str to str
        Known name of each name that means a known image.
    """
    own = set(known)
    found = {name: name for name in names if name in own}
    if all(name in found for name in names):
        return found
    files = dict(find_files(names))
    known_files = dict((find_known_files or find_files)(known))
    found |= _same_files(_without(names, found), files, known_files)
    by_path = _unique({name: _paths(name) for name in known})
    # A base name that occurs twice on a side says nothing.
    by_base = _unique({name: _base_names(name) for name in known})
    bases = _unique({name: _base_names(name) for name in names})
    for name in _without(names, found):
        # The likelier reading of a name comes first.
        paths = (by_path.get(path) for path in _paths(name))
        tails = (by_base.get(base) for base in _base_names(name) if base in bases)
        other = next(filter(None, paths), None)
        if other is None:
            other = next(
                (tail for tail in tails if tail and have_same_end(name, tail)), None
            )
        if other is not None and not (name in files and other in known_files):
            found[name] = other
    return found


def have_same_end(one: str, other: str) -> bool:
    """Return whether two names are one path, apart from leading folders of one of them.

    Separators and the suffix of an image make no difference.
    """
    pairs = [(a, b) for a, _ in _paths(one) for b, _ in _paths(other)]
    return any(a == b or _ends_in(a, b) or _ends_in(b, a) for a, b in pairs)


def file_key(path: Path) -> Hashable:
    """Return a value that is equal for links to the same file; the path if none is."""
    try:
        state = path.stat()
    except OSError:
        return path
    if not state.st_ino:
        return Path(os.path.realpath(path))
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _without(names: Iterable[str], found: Mapping[str, str]) -> list[str]:
    return [name for name in names if name not in found]


def _same_files(
    names: Sequence[str], files: Mapping[str, Path], known_files: Mapping[str, Path]
) -> dict[str, str]:
    """Return the known name of the same file for each name that has one."""
    found: dict[str, str] = {}
    key_of: Callable[[Path], Hashable]
    # Equal paths need no access to the disk.
    for key_of in (lambda path: path, file_key):
        left = [name for name in _without(names, found) if name in files]
        if not left:
            break
        by_file: dict[Hashable, str] = {}
        for name, path in known_files.items():
            by_file.setdefault((key_of(path), _hdu_of(name)), name)
        for name in left:
            key = key_of(files[name]), _hdu_of(name)
            if key in by_file:
                found[name] = by_file[key]
    return found


def _unique(keys: Mapping[str, Iterable[Hashable]]) -> dict[Hashable, str]:
    """Return the only name with each key; keys of several names are left out."""
    names = defaultdict[Hashable, set[str]](set)
    for name, own in keys.items():
        for key in own:
            names[key].add(name)
    return {key: min(own) for key, own in names.items() if len(own) == 1}


def _hdu_of(name: str) -> str:
    hdu = split_hdu(name)[1]
    return "" if hdu is None else str(hdu).casefold()


def _paths(name: str) -> list[tuple[NamePath, str]]:
    """Return the paths that a name may mean, without suffix, with the HDU."""
    hdu = _hdu_of(name)
    paths = read_name(split_hdu(name)[0])
    return [(path.without_suffix, hdu) for path in paths if path.base_name]


def _base_names(name: str) -> list[tuple[str, str]]:
    return list(dict.fromkeys((path.base_name, hdu) for path, hdu in _paths(name)))


def _ends_in(path: NamePath, tail: NamePath) -> bool:
    wanted = tuple(part for part in tail.parts if part != "..")
    return not tail.is_absolute and path.parts[-len(wanted) :] == wanted
