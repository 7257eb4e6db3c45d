"""The lists of COVIDx: which release a source holds, and what a line says."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ...errors import InputError
from ..sources.spelling import SPLITS, spelling_key, split_named, without_suffix
from ..sources.trees import Source

THREE_CLASSES = ("normal", "pneumonia", "COVID-19")
TWO_CLASSES = ("negative", "positive")
_CLASSES = {spelling_key(name): name for name in (*THREE_CLASSES, *TWO_CLASSES)}
_NAME = re.compile(
    r"(?P<split>train|training|val|valid|validation|test|testing)(_split)?(_?COVIDx[_-]?(?P<release>[\w.-]*?))?\.txt",
    re.IGNORECASE,
)
_EXPECTED = "train_COVIDx9A.txt"
# 199 lines of the official list misspell their source; patients of one source must not become two.
_SOURCE_TYPOS = {"rnsa": "rsna"}


@dataclasses.dataclass(frozen=True)
class ListFile:
    """One list.

    Attributes:
        split: whose images it names.
        name: of the file.
        release: what its name says, such as `9A` or `CXR-3B`; "" where it says nothing.
        path: the file; None: a member of the source.
    """

    split: str
    name: str
    release: str
    path: Path | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """What a line says, but for where its patient ends and its file name begins: both may hold spaces.

    Attributes:
        readings: (patient, file name) from the shortest patient on.
        class_name: as spelled here.
        as_spelled: as the list spells it.
        origin: the source that the image came from, "" where the list says none.
    """

    readings: tuple[tuple[str, str], ...]
    class_name: str
    as_spelled: str
    origin: str


def find_lists(source: Source, given: Path | None) -> tuple[list[ListFile], list[str]]:
    """The lists of one release, one per split, and those beside them that are not used.

    Lists whose names say a release go before Kaggle's plain `train.txt` and `test.txt`.

    Raises:
        InputError: there are none, of several releases, or not both of train and test.
    """
    found = _candidates(source, given)
    releases = sorted({one.release for one in found})
    if len(releases) > 1 and "" in releases:
        releases.remove("")
    if len(releases) > 1:
        raise InputError(
            f"{source.path}: lists of several releases of COVIDx ({', '.join(releases)}): "
            f"{', '.join(sorted({one.name for one in found}))}; name one with --labels "
            f"{found[0].name}, or leave only one release there"
        )
    used: dict[str, ListFile] = {}
    for one in found:
        if [one.release] != releases:
            continue
        other = used.setdefault(one.split, one)
        if other.name != one.name:
            raise InputError(
                f"{source.path}: two lists for {one.split}: {other.name} and {one.name}; leave only one there"
            )
    for split in ("train", "test"):
        if split not in used:
            expected = next((one.name for one in used.values()), _EXPECTED)
            expected = re.sub(r"^[A-Za-z]+", split, expected)
            raise InputError(
                f"{source.path}: {expected} not found; put it there or give it with --labels PATH"
            )
    names = {one.name for one in used.values()}
    return [used[split] for split in SPLITS if split in used], sorted({one.name for one in found} - names)


def _candidates(source: Source, given: Path | None) -> list[ListFile]:
    if given is None:
        return list(_named([PurePosixPath(member).name for member in source.members]))
    try:
        if not given.exists():
            raise InputError(
                f"--labels not found: {given} (expected a list such as {_EXPECTED}, or its folder)"
            )
        folder = given if given.is_dir() else given.parent
        names = [path.name for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise InputError(f"--labels cannot be read: {error}") from None
    beside = [dataclasses.replace(one, path=folder / one.name) for one in _named(names)]
    if folder == given:
        return beside
    chosen = next((one for one in beside if one.name == given.name), None)
    if chosen is None:
        raise InputError(
            f"--labels {given}: expected a list called like {_EXPECTED} or train.txt, with the others of its "
            f"release beside it"
        )
    others = [one for one in _candidates(source, None) if one.split not in {near.split for near in beside}]
    return [one for one in beside + others if one.release == chosen.release]


def _named(names: Sequence[str]) -> Iterator[ListFile]:
    for name in names:
        match = _NAME.fullmatch(name)
        if match:
            yield ListFile(split_named(match["split"]), name, (match["release"] or "").strip("_-. ").upper())


def parse(line: str, where: str) -> Line:
    """`patientid filename class source`, read from the right; the source is absent in the earliest lists.

    Raises:
        InputError: too few words, or a class that no release has.
    """
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", line)]
    texts = [line[start:end] for start, end in words]
    expected = f"{where}: expected 'patientid filename class source', got {line!r}"
    if len(words) < 3:
        raise InputError(expected)
    place = len(words) - 2
    if spelling_key(texts[place]) not in _CLASSES:
        if spelling_key(texts[-1]) in _CLASSES and without_suffix(texts[place]) != texts[place]:
            place += 1
        elif len(words) == 3:
            raise InputError(expected)
        else:
            raise InputError(
                f"{where}: unknown class {texts[place]!r}; allowed: {', '.join(THREE_CLASSES)}, or "
                f"{', '.join(TWO_CLASSES)}"
            )
    if place < 2:
        raise InputError(expected)
    end = words[place - 1][1]
    readings = tuple((line[: words[cut - 1][1]], line[words[cut][0] : end]) for cut in range(1, place))
    origin = texts[place + 1].lower() if place + 1 < len(words) else ""
    name = _CLASSES[spelling_key(texts[place])]
    return Line(readings, name, texts[place], _SOURCE_TYPOS.get(origin, origin))


def title_of(release: str) -> str:
    """What a release is called."""
    version = f"V{release}" if release[:1].isdigit() else release
    return f"COVIDx {version}".strip() + " (chest X-ray)"
