"""A user's own tables and trees, made up together with what they mean."""

import csv
import dataclasses
import io
import unicodedata
from pathlib import Path

from hypothesis import strategies as st

from jaxpix.prepare.sources.trees import Source

CLASS_NAMES = [
    "benign",
    "malignant",
    "Pleural effusion",
    "nevus, atypical",
    "nevus",
    "A;B",
    "normal",
    "No Finding",
    "0",
    "1",
    "2",
    "naïve",
    "train",
    "x-ray",
]
METADATA = {
    "age": ["40", "41", "52"],
    "Patient Age": ["061Y", "058Y"],
    "sex": ["0", "1"],
    "smoker": ["0", "1"],
    "view position": ["PA", "AP"],
    "fold": ["1", "2", "3"],
    "height": ["512", "1024"],
    "notes": ["good", "bad", ""],
}
_NORMAL = frozenset({"normal", "No Finding"})
SPLIT_WORDS = {
    "train": ["train", "Training", "TRAIN"],
    "test": ["test", "Testing"],
    "validation": ["val", "valid"],
}


class MemorySource(Source):
    """Files that are nowhere."""

    def __init__(self, files: dict[str, bytes]):
        self._files = files
        super().__init__(Path("memory"), iter(files))

    def size(self, member: str) -> int:
        return len(self._files[member])

    def _read(self, member: str, most: int | None = None) -> bytes:
        return self._files[member][:most]


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What whoever made a source means by it.

    Attributes:
        task: `multiclass` or `multilabel`.
        labels: of each image, by member.
        splits: of each image, by member; empty where there are none.
        patients: of each image, by member; empty where there are none.
    """

    task: str
    labels: dict[str, frozenset[str]]
    splits: dict[str, str]
    patients: dict[str, str]


@dataclasses.dataclass(frozen=True)
class OwnSource:
    """Files, and what they mean."""

    files: dict[str, bytes]
    meaning: Meaning


def _written(draw: st.DrawFn, member: str, style: str) -> str:
    """What a table calls an image."""
    name = member.rpartition("/")[2]
    stem = name.rpartition(".")[0]
    return {
        "path": member,
        "name": name,
        "stem": stem,
        "other suffix": f"{stem}.jpeg",
        "absolute": f"/kaggle/input/mine/{name}",
        "windows": "D:\\data\\" + member.replace("/", "\\"),
        "decomposed": unicodedata.normalize("NFD", name),
    }[style]


@st.composite
def tables(draw: st.DrawFn) -> OwnSource:
    """A table in any of the forms that people have."""
    count = draw(st.integers(6, 12))
    stems = draw(st.sampled_from(["img_{}", "{}", "é{}", "a.{}"]))
    folders = draw(st.sampled_from([[""], ["images/"], ["part1/", "part2/"]]))
    members = [f"{folders[i % len(folders)]}{stems.format(i)}.png" for i in range(count)]
    form = draw(st.sampled_from(["names", "lists", "flags"]))
    classes = draw(st.lists(st.sampled_from(CLASS_NAMES), min_size=2, max_size=4, unique=True))
    several = form == "lists" or (form == "flags" and draw(st.booleans()))
    diseases = [name for name in classes if name not in _NORMAL]
    if several and form == "flags":
        classes = diseases = [*diseases, "scar", "cyst"]
    labels = [[name] for name in classes]
    while len(labels) < count:
        some = (
            st.lists(st.sampled_from(diseases), max_size=len(diseases), unique=True)
            if diseases
            else st.just([])
        )
        labels.append(draw(some) if several else [draw(st.sampled_from(classes))])
    several = several and any(len(found) != 1 for found in labels)
    style = draw(
        st.sampled_from(["path", "name", "stem", "other suffix", "absolute", "windows", "decomposed"])
    )
    columns = {
        draw(st.sampled_from(["image", "image_id", "Image Index", "file", "picture"])): [
            _written(draw, member, style) for member in members
        ]
    }
    columns |= _label_columns(draw, form, classes, labels)
    for name in draw(st.lists(st.sampled_from(sorted(METADATA)), max_size=2, unique=True)):
        columns[name] = [draw(st.sampled_from(METADATA[name])) for _ in members]
    splits, patients = {}, {}
    if draw(st.booleans()):
        splits = {member: ["train", "test", "validation"][row % 3] for row, member in enumerate(members)}
        columns[draw(st.sampled_from(["split", "Set", "subset"]))] = [
            draw(st.sampled_from(SPLIT_WORDS[splits[member]])) for member in members
        ]
    if draw(st.booleans()):
        patients = {member: f"p{row // 2}" for row, member in enumerate(members)}
        columns[draw(st.sampled_from(["patient", "Patient ID", "subject_id"]))] = list(patients.values())
    order = draw(st.permutations(sorted(columns)))
    if draw(st.booleans()):
        columns["Unnamed: 0"] = [str(row) for row in range(count)]
        order = ["Unnamed: 0", *order]
    lines = [order, *([columns[name][row] for name in order] for row in range(count))]
    sets = {member: frozenset(labels[row]) for row, member in enumerate(members)}
    if several:
        sets = {member: found - _NORMAL for member, found in sets.items()}
    meaning = Meaning("multilabel" if several else "multiclass", sets, splits, patients)
    return OwnSource({**dict.fromkeys(members, b""), "labels.csv": _encoded(draw, lines)}, meaning)


def _label_columns(
    draw: st.DrawFn, form: str, classes: list[str], labels: list[list[str]]
) -> dict[str, list[str]]:
    if form == "flags":
        one, zero = draw(st.sampled_from([("1", "0"), ("1.0", "0.0"), ("True", "False")]))
        return {name: [one if name in found else zero for found in labels] for name in classes}
    name = draw(st.sampled_from(["label", "labels", "dx", "Finding Labels", "diagnosis", "kind"]))
    mark = draw(st.sampled_from("|;,"))
    return {name: [mark.join(found) for found in labels]}


def _encoded(draw: st.DrawFn, lines: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=draw(st.sampled_from(",;\t"))).writerows(lines)
    return text.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@st.composite
def trees(draw: st.DrawFn) -> OwnSource:
    """Class folders in any of the arrangements that people have."""
    classes = draw(st.lists(st.sampled_from(CLASS_NAMES), min_size=2, max_size=3, unique=True))
    split_at = draw(st.sampled_from(["none", "above", "below"]))
    wrapped = draw(st.sampled_from(["", "archive/", "my data/images/"]))
    container = draw(st.sampled_from(["", "images/"]))
    per_patient = draw(st.booleans())
    folds = draw(st.booleans()) and draw(st.booleans())
    labels, splits, files = {}, {}, {}
    for name in classes:
        for row in range(4):
            split = ["train", "test"][row % 2] if split_at != "none" else ""
            word = draw(st.sampled_from(SPLIT_WORDS[split])) + "/" if split else ""
            patient = f"patient{row // 2}/" if per_patient else ""
            fold = f"fold{row % 2 + 1}/" if folds else ""
            places = f"{word}{name}/" if split_at == "above" else f"{name}/{word}"
            member = f"{wrapped}{fold}{places}{patient}{container}{row}.png"
            files[member], labels[member] = b"", frozenset({name})
            if split:
                splits[member] = split
    if draw(st.booleans()) and draw(st.booleans()):
        files |= {member.replace(".png", "_m.png").replace(classes[0], "masks", 1): b"" for member in files}
    if draw(st.booleans()):
        files["README.txt"] = b""
    return OwnSource(files, Meaning("multiclass", labels, splits, {}))
