"""Small data sets in every layout that users have, traps included."""

import csv
import io
import os
import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from jaxpix.config import PrepareConfig
from jaxpix.data.prepared import PreparedDataset
from jaxpix.data.registry import DATASETS
from jaxpix.prepare.listing import Listing
from jaxpix.prepare.preparation import prepare_dataset
from jaxpix.prepare.request import resolve


def picture(number: int, mode: str = "L", size: tuple[int, int] = (20, 16)) -> Image.Image:
    """A different picture for every number."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(number: int, suffix: str = ".png", mode: str = "L") -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    form = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}[suffix.lower()]
    picture(number, mode).save(buffer, format=form)
    return buffer.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    """An unpacked tree."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """The same as a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def pneumonia(per_class: int = 10) -> dict[str, bytes]:
    """Kaggle's zip: public folders, 2 validation images, a nested second copy, __MACOSX, one RGB image."""
    inner = {}
    number = 0
    for split, count in (("train", per_class), ("test", per_class // 2), ("val", 1)):
        for index in range(count):
            number += 2
            person = f"chest_xray/{split}/PNEUMONIA/person{number // 4}_virus_{number}.jpeg"
            normal = f"chest_xray/{split}/NORMAL/IM-{number // 4:04}-{number:04}.jpeg"
            mode = "RGB" if (split, index) == ("train", 0) else "L"
            inner[person] = encoded(number, ".jpeg", mode)
            inner[normal] = encoded(number + 1, ".jpeg")
    nested = {f"chest_xray/{name}": content for name, content in inner.items()}
    junk = {f"chest_xray/__MACOSX/._{Path(name).name}": b"junk" for name in inner}
    return inner | nested | junk | {"chest_xray/.DS_Store": b"junk"}


def oct_images() -> dict[str, bytes]:
    """Kaggle's `OCT2017 ` with its trailing space."""
    return {
        f"OCT2017 /{split}/{name}/{name}-{100 + number}-{index}.jpeg": encoded(
            10 * number + index + (1000 if split == "test" else 0), ".jpeg"
        )
        for split in ("train", "test")
        for number, name in enumerate(DATASETS["oct"].class_names)
        for index in range(1, 6)
    }


def derma(delimiter: str = ",", table: str = "HAM10000_metadata.csv") -> dict[str, bytes]:
    """Two parts, a lower-case second copy of one, a mask, and two images per lesion."""
    lines = [("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")]
    files = {}
    number = 0
    for name in DATASETS["derma"].class_names:
        for _ in range(10):
            number += 1
            image_id = f"ISIC_{24000 + number:07}"
            lines.append((f"HAM_{number // 2:07}", image_id, name, "histo", "80.0", "male", "scalp", "x"))
            part = 1 + number % 2
            files[f"HAM10000_images_part_{part}/{image_id}.jpg"] = encoded(number, ".jpg", "RGB")
            if part == 1:
                files[f"ham10000_images_part_1/{image_id}.jpg"] = encoded(number, ".jpg", "RGB")
    files["masks/ISIC_0024001_segmentation.png"] = encoded(1)
    files[table] = _table(lines, delimiter)
    return files


def covid() -> dict[str, bytes]:
    """Brackets, mixed suffixes, `.JPG` and the `rnsa` typo."""
    files, lists = {}, {"train": [], "test": []}
    number = 0
    for split, count in (("train", 6), ("test", 3)):
        for class_name, origin in (("normal", "rsna"), ("pneumonia", "rnsa"), ("COVID-19", "cohen")):
            for index in range(count):
                number += 1
                suffix = (".png", ".jpg", ".jpeg", ".JPG")[index % 4]
                name = f"{class_name}({number}){suffix}"
                files[f"{split}/{name}"] = encoded(number, suffix)
                lists[split].append(f"{number} {name} {class_name} {origin}")
    for split, lines in lists.items():
        files[f"{split}_COVIDx9A.txt"] = ("\n".join(lines) + "\n").encode()
    return files


_NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


def chest(flat: bool = False, official: bool = True) -> dict[str, bytes]:
    """Nested or flattened images, one RGBA, the old table with commas in its header and at its line ends."""
    names = DATASETS["chest"].class_names
    files, lines, lists = {}, [_NIH_HEADER + ","], {"train_val": [], "test": []}
    for number in range(30):
        index = f"{number // 2:08}_{number % 2:03}.png"
        findings = "No Finding" if number % 3 == 0 else f"{names[number % 14]}|{names[(number + 5) % 14]}"
        lines.append(f"{index},{findings},{number % 2},{number // 2},57,M,PA,2682,2749,0.143,0.143,")
        folder = "images" if flat else f"images_{1 + number // 15:03}/images"
        files[f"{folder}/{index}"] = encoded(number, ".png", "RGBA" if number == 4 else "L")
        lists["test" if number >= 24 else "train_val"].append(index)
    files["Data_Entry_2017.csv"] = "\n".join(lines).encode()
    if official:
        files |= {f"{name}_list.txt": "\n".join(lines).encode() for name, lines in lists.items()}
    return files


def class_folders(splits: tuple[str, ...] = ("train", "test"), mode: str = "RGB") -> dict[str, bytes]:
    """A user's own class folders."""
    return {
        f"mine/{split}/{name}/{index}.png": encoded(100 * place + 10 * number + index, ".png", mode)
        for place, split in enumerate(splits)
        for number, name in enumerate(("bad", "normal"))
        for index in range(8)
    }


def labelled_images() -> dict[str, bytes]:
    """A user's own multi-label images."""
    files = {f"images/scan {index}.png": encoded(index) for index in range(20)}
    labels = ("a|b", "b", "", "c|a")
    lines = [("image", "labels"), *((f"scan {index}.png", labels[index % 4]) for index in range(20))]
    return files | {"labels.csv": _table(lines)}


def medmnist(
    path: Path, name: str = "pneumoniamnist", size: int = 28, counts: tuple[int, ...] = (12, 4, 6)
) -> Path:
    """A thinned copy under the official name."""
    info = DATASETS[name]
    rng = np.random.default_rng(0)
    shape = (size, size) if info.channels == 1 else (size, size, 3)
    columns = len(info.class_names) if info.task == "multilabel" else 1
    top = 2 if info.task == "multilabel" else len(info.class_names)
    arrays = {}
    for split, count in zip(("train", "val", "test"), counts, strict=True):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{split}_labels"] = rng.integers(0, top, (count, columns), dtype=np.uint8)
    np.savez_compressed(path, **arrays)
    return path


def _table(lines: list[tuple[str, ...]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(lines)
    return text.getvalue().encode()


def listing(name: str, /, source: Path | None, **options) -> Listing:
    """What a source holds, as `prepare` sees it."""
    return resolve(name, PrepareConfig(source=source, **options)).listing()


def reasons(found: Listing) -> Counter:
    """How many files were skipped for each reason."""
    return Counter(skip.reason for skip in found.skipped)


def without(files: dict[str, bytes], pattern: str) -> dict[str, bytes]:
    """The same files but those whose name matches."""
    return {name: content for name, content in files.items() if not re.search(pattern, name)}


def prepared(
    tmp_path: Path, dataset: str, /, files: dict[str, bytes], size: int = 16, **options
) -> PreparedDataset:
    """The files as `tmp_path/source.zip`, prepared in `tmp_path/data`."""
    source = pack(tmp_path / "source.zip", files)
    return prepare_dataset(
        dataset, PrepareConfig(source=source, image_size=size, data_dir=tmp_path / "data", **options)
    )


def environment() -> dict[str, str]:
    """For a process that imports this checkout."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
