"""Which file a cell of a table names: people's tables have paths, stems and suffixes of other copies."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ...errors import InputError
from ..sources.spelling import without_suffix

_Parts = tuple[str, ...]


class Names:
    """The images of a source, found by what a table calls them."""

    def __init__(self, members: Iterable[str]):
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for member in members:
            self._by_stem[_key(_parts(member)[-1])].append(member)

    def knows(self, name: str) -> bool:
        """Whether an image may be meant; quick."""
        parts = _parts(name)
        return bool(parts) and _key(parts[-1]) in self._by_stem

    def share(self, names: Sequence[str]) -> float:
        """The part of these names that may mean an image."""
        return sum(map(self.knows, names)) / max(len(names), 1)

    def match(self, names: Sequence[str], where: str) -> tuple[list[str | None], list[str]]:
        """The image of each name, None where there is none, and what was tolerated.

        A name is an image's path, or its end, with or without a suffix. Where the folders of a table are none of the
        source's, they must be the same for all names, as in a path on somebody else's machine.

        Raises:
            InputError: a name means several images, or two names the same one.
        """
        found: list[str | None] = []
        foreign: Counter[_Parts] = Counter()
        suffixes = 0
        for name in names:
            member = self._meant(name, where)
            found.append(member)
            if member is not None:
                foreign[_unmatched(_parts(name), _parts(member))] += 1
                suffixes += PurePosixPath(_parts(name)[-1]).suffix != PurePosixPath(member).suffix
        remarks = []
        if len(foreign) > 1:
            found = [
                member if member and not _unmatched(_parts(name), _parts(member)) else None
                for name, member in zip(names, found, strict=True)
            ]
        elif next(iter(foreign), ()):
            remarks.append(f"folders left off: {'/'.join(next(iter(foreign)))}")
        if suffixes and any(found):
            remarks.append(f"{suffixes:,} names have another suffix than their file, or none")
        _check_once(found, names, where)
        return found, remarks

    def _meant(self, name: str, where: str) -> str | None:
        parts = _parts(name)
        candidates = self._by_stem.get(_key(parts[-1]), []) if parts else []
        for closer in (_same_end, _same_suffix, _same_spelling):
            if len(candidates) > 1:
                best = max(closer(parts, _parts(member)) for member in candidates)
                candidates = [member for member in candidates if closer(parts, _parts(member)) == best]
        if len(candidates) > 1:
            raise InputError(
                f"{where}: {name!r} may mean {len(candidates)} images: {candidates[0]}, {candidates[1]}"
                f"{', …' * (len(candidates) > 2)}; write their paths, or leave folders out with --ignore"
            )
        return candidates[0] if candidates else None


def _parts(name: str) -> _Parts:
    """Folders and file of a path of any operating system, in composed Unicode."""
    path = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    return tuple(part for part in path.split("/") if part not in ("", "."))


def _key(file_name: str) -> str:
    """What a file is called without an image's suffix, in any case."""
    return without_suffix(file_name).casefold()


def _same_end(name: _Parts, member: _Parts) -> int:
    """How many of the last folders agree."""
    count = 0
    for one, other in zip(name[-2::-1], member[-2::-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def _same_suffix(name: _Parts, member: _Parts) -> int:
    return PurePosixPath(name[-1]).suffix.casefold() == PurePosixPath(member[-1]).suffix.casefold()


def _same_spelling(name: _Parts, member: _Parts) -> int:
    return member[-1].startswith(name[-1])


def _unmatched(name: _Parts, member: _Parts) -> _Parts:
    """The folders of a name that are not those of its image."""
    return name[: len(name) - 1 - _same_end(name, member)]


def _check_once(found: Sequence[str | None], names: Sequence[str], where: str) -> None:
    named: dict[str, str] = {}
    for member, name in zip(found, names, strict=True):
        if member is None:
            continue
        if member in named:
            raise InputError(
                f"{where}: {member} is listed twice, as {named[member]!r} and {name!r}; one row an image is expected"
            )
        named[member] = name
