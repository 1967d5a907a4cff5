"""Merge the entries of logs, also of copies of one log that diverged.

The entries of all copies of a log are a tree, in which each entry follows the entry
whose digest it includes. Where the tree branches, each branch becomes a log of its own,
with an id that its first entry gives. An entry that stays in its log is unchanged. An
entry that moves carries its original as a whole, so that a later merge finds the tree
again: a merge of merged logs unites sets of original entries. It is therefore
commutative, associative and idempotent.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import NO_DIGEST, Entry, EntryId

#: Key in the context of a moved entry for its original: the values of `Entry.as_json`,
#: of which the first two are the log id and the number, and the last is the digest.
COPIED_FROM = "copied_from"


class Divergence(NamedTuple):
    """The point where copies of a log diverge.

    Attributes
    ----------
    log_id : str
        Id of the log.
    after : Entry or None
        The last entry that the copies share; None if they share none.
    branches : tuple of Entry
        The original first entry of each branch, sorted by digest.
    """

    log_id: str
    after: Entry | None
    branches: tuple[Entry, ...]


@dataclass(frozen=True)
class MergedEntries:
    """The entries of several logs.

    Attributes
    ----------
    entries : list of Entry
        The entries in sort order.
    originals : dict of str to Entry
        The original of each given entry, by the digest of the given entry.
    new_ids : dict of str to EntryId
        Log id and number after the merge, by the digest of the original.
    divergences : tuple of Divergence
        Points where copies of a log diverge, sorted by log id and number.
    """

    entries: list[Entry]
    originals: dict[str, Entry]
    new_ids: dict[str, EntryId]
    divergences: tuple[Divergence, ...]


def merge_entries(entries: Iterable[Entry]) -> MergedEntries:
    """Merge the entries of any number of logs, in any order.

    Parameters
    ----------
    entries : iterable of Entry
        The entries of all logs, each from its first entry on. Entries that occur in
        several copies of a log may be given several times.

    Raises
    ------
    ValueError
        If an entry does not follow an entry of its log.
    """
    given = list(entries)
    known = _Tree(_followers(_with_originals(given)))
    for entry in given:
        if known.entries.get(entry.digest) != entry:
            raise ValueError(f"entry {entry.number} of log {entry.log_id} follows none")
    originals = {entry.digest: known.original_of(entry) for entry in given}
    tree = known.up_to(originals.values())
    new_ids, acts = _arranged(tree)
    merged = _sealed(tree, new_ids, acts)
    return MergedEntries(merged, originals, new_ids, tree.divergences())


def original_of(entry: Entry) -> Entry | None:
    """Return the original that an entry carries; None if it carries none.

    The digest of the original is not verified.
    """
    values = entry.context.get(COPIED_FROM)
    if not isinstance(values, list):
        return None
    try:
        original = Entry.from_json(json.dumps(values))
    except ValueError:
        return None
    copy = _moved(original, entry.id, entry.act)
    return original if copy == replace(entry, digest=NO_DIGEST) else None


def _moved(original: Entry, new_id: EntryId, act: EntryId) -> Entry:
    """Return an entry with another id, with its original, and without a digest."""
    values = json.loads(original.as_json())
    return replace(
        original,
        log_id=new_id.log_id,
        number=new_id.number,
        act=act,
        context={**original.context, COPIED_FROM: values},
        digest=NO_DIGEST,
    )


def _with_originals(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Iterate over entries and the originals that they carry, also within originals."""
    for entry in entries:
        each: Entry | None = entry
        while each is not None:
            yield each
            each = original_of(each)


def _log_id_of_branch(first: Entry) -> str:
    """Return the id of the log of a branch, by its original first entry."""
    name = f"{first.log_id}\n{first.digest}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _followers(entries: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    """Iterate once over each entry that follows others from the first of its log on.

    Yields
    ------
    entry : Entry
        The entry, after those with smaller numbers.
    digest : str
        Digest of the entry before it; NO_DIGEST for the first of a log.
    """
    found: set[str] = set()
    by_id: dict[EntryId, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=attrgetter("number", "log_id", "digest")):
        if entry.digest in found:
            continue
        before = EntryId(entry.log_id, entry.number - 1)
        parents = by_id.get(before, ()) if entry.number > 1 else (None,)
        for parent in parents:
            if entry.follows(parent):
                found.add(entry.digest)
                by_id[entry.id].append(entry)
                yield entry, NO_DIGEST if parent is None else parent.digest


class _Tree:
    """Entries that follow each other from the first entry of a log on.

    Parameters
    ----------
    followers : iterable of (Entry, str)
        Entries, smaller numbers first, each with the digest of the entry before it.

    Attributes
    ----------
    entries : dict of str to Entry
        The entries by digest, smaller numbers first.
    parents : dict of str to str
        Digest of the entry before each entry; NO_DIGEST for the first of a log.
    """

    def __init__(self, followers: Iterable[tuple[Entry, str]]) -> None:
        self.entries: dict[str, Entry] = {}
        self.parents: dict[str, str] = {}
        self._by_id: dict[EntryId, list[Entry]] = defaultdict(list)
        for entry, parent in followers:
            self.entries[entry.digest] = entry
            self.parents[entry.digest] = parent
            self._by_id[entry.id].append(entry)

    def original_of(self, entry: Entry) -> Entry:
        """Return the original of an entry, if it is in the tree; else the entry."""
        while True:
            original = original_of(entry)
            if original is None or self.entries.get(original.digest) != original:
                return entry
            entry = original

    def up_to(self, entries: Iterable[Entry]) -> _Tree:
        """Return the tree of some entries and of all that they follow."""
        found: set[str] = set()
        for entry in entries:
            digest = entry.digest
            while digest != NO_DIGEST and digest not in found:
                found.add(digest)
                digest = self.parents[digest]
        return _Tree(
            (entry, self.parents[digest])
            for digest, entry in self.entries.items()
            if digest in found
        )

    def divergences(self) -> tuple[Divergence, ...]:
        """Return the points at which the tree branches."""
        branches: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for digest, entry in self.entries.items():
            branches[entry.log_id, self.parents[digest]].append(entry)
        found = [
            Divergence(log_id, self.entries.get(parent), tuple(entries))
            for (log_id, parent), entries in branches.items()
            if len(entries) > 1
        ]
        return tuple(sorted(found, key=lambda each: each.branches[0].id))

    def acts(self) -> dict[str, Entry]:
        """Return the first entry of each entry's act, by the digest of the entry.

        An entry may name an act of another log, of which copies diverged.
        The act is then the one on the same cutout, if possible an earlier one.
        """
        firsts: dict[str, Entry] = {}
        cutouts: dict[str, set[CutoutKey]] = defaultdict(set)
        others = []
        for digest, entry in self.entries.items():
            if entry.act.log_id != entry.log_id:
                others.append(entry)
                continue
            [first] = (e for e in self._by_id[entry.act] if self._leads_to(e, entry))
            firsts[digest] = first
            cutouts[first.digest].add(entry.cutout)
        branches = {_log_id_of_branch(each): each for each in self.entries.values()}
        for entry in others:
            candidates = self._by_id.get(entry.act) or self._in_branch(
                branches.get(entry.act.log_id), entry.act.number
            )
            ranked = [
                (
                    entry.cutout not in cutouts[first.digest],
                    first.clock >= entry.clock,
                    first.digest,
                )
                for first in candidates
            ]
            if ranked:
                firsts[entry.digest] = self.entries[min(ranked)[-1]]
        return firsts

    def _in_branch(self, first: Entry | None, number: int) -> list[Entry]:
        """Return the entries with a number in the log of a branch."""
        if first is None:
            return []
        there = EntryId(first.log_id, first.number + number - 1)
        return [e for e in self._by_id.get(there, ()) if self._leads_to(first, e)]

    def _leads_to(self, earlier: Entry, later: Entry) -> bool:
        """Return whether one entry is another, or comes before it in its log."""
        if len(self._by_id[earlier.id]) == 1:
            # No copy has another entry here, so every later entry of the log follows.
            return True
        digest = later.digest
        while digest and self.entries[digest].number > earlier.number:
            digest = self.parents[digest]
        return digest == earlier.digest


def _arranged(tree: _Tree) -> tuple[dict[str, EntryId], dict[str, EntryId]]:
    """Return log id and number of each entry after the merge, and its act, by digest.

    An entry that cannot stay unchanged begins a new log: an entry whose act has moved,
    and the first entry of a log whose id a branch needs.
    """
    firsts = tree.acts()
    begins = {each.digest for one in tree.divergences() for each in one.branches}
    while True:
        new_ids: dict[str, EntryId] = {}
        for digest, entry in tree.entries.items():
            if digest in begins:
                new_ids[digest] = EntryId(_log_id_of_branch(entry), 1)
            elif entry.number == 1:
                new_ids[digest] = entry.id
            else:
                log_id, number = new_ids[tree.parents[digest]]
                new_ids[digest] = EntryId(log_id, number + 1)
        acts = {
            digest: new_ids[firsts[digest].digest] if digest in firsts else entry.act
            for digest, entry in tree.entries.items()
        }
        changed = _first_changed(tree, new_ids, acts)
        if not changed:
            return new_ids, acts
        begins.update(changed)


def _first_changed(
    tree: _Tree, new_ids: Mapping[str, EntryId], acts: Mapping[str, EntryId]
) -> list[str]:
    """Return the first entry of each log that has its old id, but cannot keep it."""
    branches = {
        new_ids[digest].log_id
        for digest, entry in tree.entries.items()
        if new_ids[digest] != entry.id
    }
    changed: dict[str, str] = {}
    for digest, entry in tree.entries.items():
        is_unmoved = new_ids[digest] == entry.id
        is_taken = entry.number == 1 and entry.log_id in branches
        if is_unmoved and (acts[digest] != entry.act or is_taken):
            changed.setdefault(entry.log_id, digest)
    return list(changed.values())


def _sealed(
    tree: _Tree, new_ids: Mapping[str, EntryId], acts: Mapping[str, EntryId]
) -> list[Entry]:
    """Return the entries with their new ids, with digests, in sort order."""
    merged: list[Entry] = []
    last: dict[str, Entry] = {}
    for digest in sorted(tree.entries, key=new_ids.__getitem__):
        entry, new_id = tree.entries[digest], new_ids[digest]
        if new_id != entry.id:
            moved = _moved(entry, new_id, acts[digest])
            entry = moved.after(last.get(new_id.log_id))
        last[new_id.log_id] = entry
        merged.append(entry)
    return sorted(merged, key=attrgetter("order"))
