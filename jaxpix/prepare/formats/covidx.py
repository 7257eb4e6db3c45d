"""COVIDx V9A: two flat folders of images and the official lists."""

from collections import Counter, defaultdict
from pathlib import PurePosixPath

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import Item, Listing, Skip, check_missing, load_members, not_images
from ..sources.tables import lines, read_text
from ..sources.trees import Source

# 199 lines of the official list misspell their source; patients of one source must not become two.
_SOURCE_TYPOS = {"rnsa": "rsna"}


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List COVIDx by its official lists.

    Raises:
        InputError: a list is missing or malformed, an unknown class, or absent images that were not allowed.
    """
    members = _by_folder(source)
    items: list[Item] = []
    missing, tables = [], []
    classes_of: dict[str, Counter[str]] = defaultdict(Counter)
    for split in ("train", "test"):
        text, table, where = read_text(
            source, rf"{split}_COVIDx\w*\.txt", config.labels, f"{split}_COVIDx9A.txt"
        )
        tables.append(table)
        for number, line in enumerate(lines(text), 1):
            patient, name, class_name, origin = _fields(line, f"{where}, line {number}")
            if class_name not in info.class_names:
                raise InputError(
                    f"{where}, line {number}: unknown class {class_name!r}; "
                    f"allowed: {', '.join(info.class_names)}"
                )
            classes_of[origin][class_name] += 1
            member = members.get((split, name)) or members.get((split, name.lower()))
            if member is None:
                missing.append(f"{split}/{name}")
                continue
            label = info.class_names.index(class_name)
            items.append(Item(member, label, f"{split}_{name}", f"{origin} {patient}", split))
    _check_ids(items, source)
    notes = check_missing(missing, len(missing) + len(items), config.allow_missing, source)
    notes.append(_confounding(classes_of))
    listed = {item.member for item in items}
    skipped = [Skip(member, "in no official list") for member in source.images if member not in listed]
    return Listing(
        info, items, load_members(source), skipped + not_images(source, tables), notes, len(missing)
    )


def _by_folder(source: Source) -> dict[tuple[str, str], str]:
    """Members by (folder, file name), and by the lower-case name too where that is free."""
    exact, loose = {}, {}
    for member in reversed(source.images):
        path = PurePosixPath(member)
        folder = path.parent.name.strip().lower()
        exact[folder, path.name] = member
        loose[folder, path.name.lower()] = member
    return loose | exact


def _fields(line: str, where: str) -> tuple[str, str, str, str]:
    """`patientid filename class source`; a file name may hold spaces."""
    parts = line.split(" ")
    if len(parts) < 4:
        raise InputError(f"{where}: expected 'patientid filename class source', got {line!r}")
    origin = parts[-1].lower()
    return parts[0], " ".join(parts[1:-2]), parts[-2], _SOURCE_TYPOS.get(origin, origin)


def _check_ids(items: list[Item], source: Source) -> None:
    counts = Counter(item.image_id for item in items)
    twice = [image_id for image_id, count in counts.items() if count > 1]
    if twice:
        raise InputError(f"{source.path}: the lists name {len(twice)} images twice (first: {twice[0]})")


def _confounding(classes_of: dict[str, Counter[str]]) -> str:
    single = sorted(origin for origin, classes in classes_of.items() if len(classes) == 1)
    return (
        f"warning: class and source are confounded: {len(single)} of {len(classes_of)} sources "
        f"({', '.join(single)}) have images of one class only, so a model can tell classes by the source"
    )
