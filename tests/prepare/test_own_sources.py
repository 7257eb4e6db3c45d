"""Tables and trees of one's own, each as people were seen to have them, with the right reading."""

import pytest
from support import made_trees as made
from support.own_sources import MemorySource

from jaxpix.config import PrepareConfig
from jaxpix.data.registry import DATASETS
from jaxpix.errors import InputError
from jaxpix.prepare.formats import folder

IMAGES = [f"images/{number:03}.png" for number in range(8)]


def read(files, **options):
    source = MemorySource(files if isinstance(files, dict) else dict.fromkeys(files, b""))
    return folder.understand(source, DATASETS["folder"], PrepareConfig(**options))


def with_table(text, members=IMAGES, **options):
    raw = text if isinstance(text, bytes) else text.encode()
    return read(dict.fromkeys(members, b"") | {"labels.csv": raw}, **options)


def table(header, *columns):
    """Lines of a table; a column is repeated until every image has a row."""
    rows = [
        ",".join([name, *(column[i % len(column)] for column in columns)]) for i, name in enumerate(IMAGES)
    ]
    return "\n".join([header, *rows])


def sets_of(listing):
    names = listing.info.class_names
    return [
        {names[label] for label in (item.label if isinstance(item.label, tuple) else (item.label,))}
        for item in listing.items
    ]


def test_a_single_label_table_is_multiclass():
    found = with_table(table("image,label", ["pneumonia", "normal"]))
    assert (found.info.task, found.info.class_names) == ("multiclass", ("normal", "pneumonia"))
    assert found.info.normal_classes == ("normal",)
    assert [item.label for item in found.items] == [1, 0] * 4
    assert dict(found.understood)["task"] == "multiclass: column 'label': every cell holds one label"
    found = with_table(table("image,label", ["pneumonia", "normal"]), task="multilabel")
    assert (found.info.task, found.info.class_names) == ("multilabel", ("pneumonia",))
    assert sets_of(found) == [{"pneumonia"}, set()] * 4


@pytest.mark.parametrize(
    ("one", "zero"), [("1.0", "0.0"), ("1.00", "0.00"), ("1.", "0e0"), ("1", "0"), ("True", "False")]
)
def test_one_hot_tables(one, zero):
    rows = [f"{one},{zero},{zero}", f"{zero},{one},{zero}", f"{zero},{zero},{one}"]
    found = with_table(table("image,MEL,NV,BCC", rows))
    assert (found.info.task, found.info.class_names) == ("multiclass", ("MEL", "NV", "BCC"))
    assert [item.label for item in found.items] == [0, 1, 2, 0, 1, 2, 0, 1]
    found = with_table(table("image,MEL,NV,BCC", [*rows, f"{one},{one},{zero}", f"{zero},{zero},{zero}"]))
    assert found.info.task == "multilabel"
    assert sets_of(found)[2:5] == [{"BCC"}, {"MEL", "NV"}, set()]


def test_a_column_of_no_finding_is_what_the_absence_of_all_others_says():
    found = with_table(table("image,No Finding,Mass,Edema", ["1,0,0", "0,1,0", "0,1,1"]))
    assert (found.info.task, found.info.class_names) == ("multilabel", ("Mass", "Edema"))
    assert sets_of(found)[:3] == [set(), {"Mass"}, {"Mass", "Edema"}]
    with pytest.raises(InputError, match="line 2: No Finding beside Mass"):
        with_table(table("image,No Finding,Mass,Edema", ["1,1,0", "0,1,1"]))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("image,age,label", ["40,a", "41,b"]),
        ("image_id,dx,sex", ["a,0", "b,1"]),
        (",Image Index,Finding Labels,Patient Age,fold", None),
        ("fold,label,file", None),
    ],
)
def test_more_columns_than_two(header, row):
    if row is None:
        values = {"fold": "1", "": "0", "Patient Age": "40", "file": "{}", "Image Index": "{}"}
        lines = [
            ",".join(values.get(name, "ab"[i % 2]).format(image) for name in header.split(","))
            for i, image in enumerate(IMAGES)
        ]
        found = with_table("\n".join([header, *lines]))
    else:
        found = with_table(table(header, row))
    assert found.info.class_names == ("a", "b")
    assert [item.label for item in found.items] == [0, 1] * 4


def test_columns_that_may_be_anything_are_refused_and_chosen():
    text = table("image,kind,colour", ["a,red", "b,green"])
    with pytest.raises(
        InputError,
        match=r"several columns may hold labels; choose with --label-column: image .*kind \(a, b\); colour \(red",
    ):
        with_table(text)
    assert with_table(text, label_column=("Kind",)).info.class_names == ("a", "b")
    with pytest.raises(
        InputError, match="--label-column 'size' names no column; there are image, kind, colour"
    ):
        with_table(text, label_column=("size",))
    text = table("image,sure,MEL,NV,smokes", ["1,1,0,1", "1,0,1,0", "0,1,0,0"])
    assert with_table(text, label_column=("NV", "MEL")).info.class_names == ("NV", "MEL")
    for header in ("image,age", "image,sex"):
        with pytest.raises(InputError, match="no column may hold labels"):
            with_table(table(header, ["40", "41"]))
    with pytest.raises(InputError, match="several columns may hold labels"):
        with_table(table("image,diagnosis,target", ["a,0", "b,1"]))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["0.12", "0.55"], r"holds numbers like 0\.12"),
        (["a", "nan"], "4 cells hold 'nan', which programs write where a label is missing"),
        (["a", "b", ""], "2 cells are empty: a normal image .*or one that nobody labelled"),
        (["Normal", "normal", "b"], "classes 'Normal' and 'normal' differ in spelling only"),
        (["a|b", "a;b"], r"cells hold '\|' and ';'"),
        (["a|normal", "a"], "a and normal of one image contradict each other"),
        (["a"], "expected at least two classes, got a; --task multilabel takes it as a label"),
        (["nevus; benign", "mole; malign"], "are lists, or names that hold a ';'; choose --task"),
        ([f"scan {number}" for number in range(8)], "every row has a value of its own"),
    ],
)
def test_cells_with_two_readings_are_refused(cells, message):
    with pytest.raises(InputError, match=message):
        with_table(table("image,label", cells))


def test_zeros_and_ones_under_an_unknown_name():
    text = table("image,pneumonia", ["0", "1"])
    with pytest.raises(InputError, match=r"holds numbers \(0, 1\): are these classes\?"):
        with_table(text)
    assert with_table(text, label_column=("pneumonia",)).info.class_names == ("0", "1")
    assert with_table(table("image,target", ["0", "1"])).info.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a|b", "b", "a"], [{"a", "b"}, {"b"}, {"a"}]),
        (["a;b", "b", "a"], [{"a", "b"}, {"b"}, {"a"}]),
        (['"a, b"', "b", "a"], [{"a", "b"}, {"b"}, {"a"}]),
        (["\"['a', 'b']\"", "[]", "['a']"], [{"a", "b"}, set(), {"a"}]),
        (["a|b", "No Finding", "a"], [{"a", "b"}, set(), {"a"}]),
    ],
)
def test_lists_of_labels(cells, expected):
    found = with_table(table("image,labels", cells))
    assert found.info.task == "multilabel"
    assert sets_of(found)[:3] == expected


def test_names_with_commas_are_one_class_where_the_user_says_so():
    text = table("image,label", ['"nevus, benign"', '"melanoma, malignant"'])
    with pytest.raises(InputError, match="--task multiclass"):
        with_table(text)
    assert with_table(text, task="multiclass").info.class_names == ("melanoma, malignant", "nevus, benign")
    assert len(with_table(text, task="multilabel").info.class_names) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(encoding, separator):
    text = table("image,label", ["Lungenödem", "ohne"]).replace(",", separator)
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    found = with_table((mark + text).encode(encoding))
    assert found.info.class_names == ("Lungenödem", "ohne")
    assert ("UTF" in dict(found.understood)["table"]) == (encoding not in ("utf-8", "utf-8-sig"))


@pytest.mark.parametrize(
    "written",
    [
        lambda member: member.rpartition("/")[2],
        lambda member: member.rpartition("/")[2].removesuffix(".png"),
        lambda member: member.replace(".png", ".jpg"),
        lambda member: f"/kaggle/input/mine/{member.rpartition('/')[2]}",
        lambda member: "C:\\x\\" + member.replace("/", "\\"),
        lambda member: f"./{member}",
    ],
)
def test_names_of_other_machines(written):
    lines = ["image,label", *(f"{written(member)},{'ab'[i % 2]}" for i, member in enumerate(IMAGES))]
    found = with_table("\n".join(lines))
    assert [(item.member, item.label) for item in found.items] == [(m, i % 2) for i, m in enumerate(IMAGES)]


def test_decomposed_names():
    found = with_table(
        "image,label\ne\u0301 1.png,a\n\u00e9 2.png,b\n".encode(), ["x/\u00e9 1.png", "x/e\u0301 2.png"]
    )
    assert [item.label for item in found.items] == [0, 1]


def test_names_that_may_mean_several_images():
    members = ["a/1.png", "b/1.png", "a/2.png", "b/2.png"]
    with pytest.raises(InputError, match=r"'1\.png' may mean 2 images: a/1\.png, b/1\.png"):
        with_table("image,label\n1.png,x\n2.png,y\n", members)
    found = with_table("image,label\na/1.png,x\nb/1.png,y\na/2,x\nb\\2.png,y\n", members)
    assert [item.label for item in found.items] == [0, 1, 0, 1]
    assert len({item.image_id for item in found.items}) == 4
    with pytest.raises(InputError, match="1 of 3 images named by the tables are not in"):
        with_table("image,label\na/1.png,x\na/2.png,y\nc/1.png,x\n", members[::2])


def test_splits_and_patients_of_a_table():
    text = table(
        "image,label,set,Patient ID", ["a", "b"], ["Training", "Test", "valid", "train"], ["p1", "p2"]
    )
    found = with_table(text)
    assert [item.split for item in found.items[:4]] == ["train", "test", "validation", "train"]
    assert [item.group for item in found.items[:2]] == ["p1", "p2"]
    with pytest.raises(InputError, match="column 'split' holds '0'; expected train, val or test"):
        with_table(table("image,label,split", ["a", "b"], ["0", "1"]))
    found = with_table(table("image,label,split", ["a", "b"], ["0", "1"]), split="random")
    assert {item.split for item in found.items} == {""}


def test_columns_and_folders_that_disagree_about_the_split():
    members = [f"{split}/{number}.png" for split in ("train", "test") for number in range(4)]
    lines = [f"{member},{'ab'[i % 2]},train" for i, member in enumerate(members)]
    text = "\n".join(["image,label,split", *lines])
    with pytest.raises(
        InputError, match=r"4 images lie in another split's folder .* choose --split folders or"
    ):
        with_table(text, members)
    assert {item.split for item in with_table(text, members, split="folders").items} == {"train", "test"}
    assert {item.split for item in with_table(text, members, split="column").items} == {"train"}


def test_patients_by_a_pattern():
    members = [f"{name}/p{number // 2}_{number}.png" for name in ("a", "b") for number in range(4)]
    found = read(members, patient_pattern=r"/(p\d+)_")
    assert [item.group for item in found.items] == ["p0", "p0", "p1", "p1"] * 2
    with pytest.raises(InputError, match=r"finds no patient in a/p0_0\.png; every path needs one"):
        read(members, patient_pattern=r"q\d")
    with pytest.raises(InputError, match="is no regular expression"):
        read(members, patient_pattern="(")


@pytest.mark.parametrize(
    ("train", "test"),
    [("Train", "Test"), ("Training", "Testing"), ("TRAIN", "test"), ("train_set", "test_set")],
)
@pytest.mark.parametrize(
    "pattern", ["{split}/{name}/{i}.png", "{name}/{split}/{i}.png", "x/{split}/{name}/images/{i}.png"]
)
def test_splits_of_a_tree(train, test, pattern):
    members = [pattern.format(split=s, name=n, i=i) for s in (train, test) for n in "ab" for i in range(2)]
    found = read(members)
    assert found.info.class_names == ("a", "b")
    assert {(item.split, item.label) for item in found.items} == {
        (s, i) for s in ("train", "test") for i in (0, 1)
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            [f"fold{f}/{n}/{i}.png" for f in (1, 2) for n in ("benign", "malign") for i in (1, 2)],
            r"fold1, fold2 are called like parts of a cross-validation(.|\n)*fold1/benign: 2 images",
        ),
        (
            [f"{n}/{k}/{i}.png" for n in ("COVID", "Normal") for k in ("images", "masks") for i in (1, 2)],
            r"folders called masks hold masks rather than images; leave them out with --ignore masks",
        ),
        (
            [f"{p}/{n}/{i}.png" for p in ("anna", "bert") for n in ("benign", "malign") for i in (1, 2)],
            r"classes may be anna, bert \(--class-level 1\) or benign, malign \(--class-level 2\)",
        ),
        (
            ["train/a/1.png", "train/b/1.png", "test/a/2.png", "extra/a/3.png"],
            r"1 images lie outside of train and test \(first: extra/a/3\.png\)",
        ),
        (["train/a/1.png", "train/b/1.png", "test/2.png"], r"1 images lie in no class folder"),
        (["a/1.png", "A/2.png"], "classes 'A' and 'a' differ in spelling only"),
        (
            ["train/a/1.png", "train/b/1.png", "val/a/2.png", "val/b/2.png"],
            "there are train and validation and no test",
        ),
    ],
)
def test_trees_with_two_readings_are_refused(members, message):
    source = MemorySource(dict.fromkeys(members, b""))
    with pytest.raises(InputError, match=message):
        folder.default_scheme(source, folder.understand(source, DATASETS["folder"], PrepareConfig()))


def test_what_chooses_between_readings_of_a_tree():
    masked = [f"{n}/{k}/{i}.png" for n in ("COVID", "Normal") for k in ("images", "Masks") for i in (1, 2)]
    found = read(masked, ignore=("masks",))
    assert found.info.class_names == ("COVID", "Normal")
    assert len(found.items) == 4
    assert made.reasons(found) == {"left out by --ignore masks": 4}
    with pytest.raises(InputError, match="--ignore maks leaves out nothing"):
        read(masked, ignore=("masks", "maks"))
    folds = [f"fold{f}/{n}/{i}.png" for f in (1, 2) for n in ("benign", "malign") for i in (1, 2)]
    assert read(folds, class_level=2).info.class_names == ("benign", "malign")
    assert read(folds, class_level=1).info.class_names == ("fold1", "fold2")
    with pytest.raises(InputError, match="lie in no class folder"):
        read(folds, class_level=3)


def test_a_table_that_is_not_read_is_said():
    found = read(["a/1.png", "b/1.png", "metadata.csv"])
    assert ("table", "not read: metadata.csv (--labels reads one)") in found.understood
    with pytest.raises(InputError, match=r"--label-column is for a table, .*--labels: metadata\.csv"):
        read(["a/1.png", "b/1.png", "metadata.csv"], label_column=("dx",))


def test_excel_files(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["image", "label"], *([name, "ab"[i % 2]] for i, name in enumerate(IMAGES))]:
        book.active.append(row)
    book.save(tmp_path / "labels.xlsx")
    raw = (tmp_path / "labels.xlsx").read_bytes()
    found = read(dict.fromkeys(IMAGES, b"") | {"labels.xlsx": raw})
    assert [item.label for item in found.items] == [0, 1] * 4
    book.create_sheet("more").append(["x"])
    book.save(tmp_path / "labels.xlsx")
    with pytest.raises(InputError, match=r"2 sheets hold something \(Sheet, more\)"):
        read(IMAGES, labels=tmp_path / "labels.xlsx")


def test_a_partial_copy_never_loses_a_class():
    text = table("image,label", ["a", "a", "a", "b"])
    some = [image for number, image in enumerate(IMAGES) if number % 4 < 2]
    with pytest.raises(InputError, match=r"4 of 8 .* no image is left of class b"):
        with_table(text, some, allow_missing=True)
    with pytest.raises(InputError, match="--allow-missing prepares the others"):
        with_table(text, IMAGES[2:])
    assert len(with_table(text, IMAGES[2:], allow_missing=True).items) == 6
