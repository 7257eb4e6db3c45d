"""Kermany's data sets as people have them: folders called otherwise, masks, classes without images."""

import re
from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError


def renamed(files, old, new):
    return {re.sub(old, new, name): content for name, content in files.items()}


def plain(per_class=10):
    """The public folders without a second copy."""
    return made.without(made.pneumonia(per_class), "chest_xray/chest_xray|__MACOSX|DS_Store")


def listed(tmp_path, files, name="pneumonia", **options):
    return made.listing(name, made.write(tmp_path / "a", files), **options)


def test_folders_called_otherwise(tmp_path):
    files = renamed(renamed(plain(), "/train/", "/Training/"), "/test/", "/TESTING/")
    files = renamed(
        renamed(renamed(files, "/val/", "/Valid/"), "/NORMAL/", "/Normal/"), "/PNEUMONIA/", "/pneumonia/"
    )
    found = listed(tmp_path, files, split="public")
    assert Counter((item.split, item.label) for item in found.items) == {
        (split, label): count for split, count in (("train", 11), ("test", 5)) for label in range(2)
    }
    assert (
        "folders that are called otherwise: Normal as NORMAL, TESTING as test, Training as train, Valid as "
        "validation, pneumonia as PNEUMONIA" in found.notes
    )


def test_usual_folders_need_no_word(tmp_path):
    assert listed(tmp_path, plain()).notes == []


def test_other_spellings_are_prepared_alike(tmp_path):
    fingerprints = set()
    for number, files in enumerate(
        (plain(), renamed(renamed(plain(), "/train/", "/Train/"), "/NORMAL/", "/normal/"))
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        fingerprints.add(made.prepared(folder, "pneumonia", files, size=8).fingerprint)
    assert len(fingerprints) == 1


def test_an_inner_folder_images(tmp_path):
    files = renamed(plain(), "/(NORMAL|PNEUMONIA)/", r"/\1/images/")
    found = listed(tmp_path, files, split="public")
    assert len(found.items) == 32
    assert "32 images lie one folder deeper, in 'images'" in found.notes


@pytest.mark.parametrize(
    "folder", ["train/NORMAL/masks", "masks/train/NORMAL", "Lung Masks/NORMAL", "segmentation/NORMAL"]
)
def test_masks_are_no_images(tmp_path, folder):
    files = plain() | {f"chest_xray/{folder}/IM-9999-0001.png": made.encoded(999)}
    with pytest.raises(
        InputError, match="which is called like masks and not like images; take that folder out"
    ):
        listed(tmp_path, files)


@pytest.mark.parametrize(
    ("pattern", "split", "message"),
    [
        ("/PNEUMONIA/", "paper", "no image is of the class PNEUMONIA; pneumonia has the classes"),
        ("/PNEUMONIA/", "public", "no image in train is of the class PNEUMONIA"),
        ("/test/NORMAL/", "public", "no image in test is of the class NORMAL"),
        ("/train/PNEUMONIA/", "public", "no image in train is of the class PNEUMONIA"),
        ("/test/", "public", "split 'public' needs the folders train and test"),
    ],
)
def test_a_class_or_split_without_images_is_refused(tmp_path, pattern, split, message):
    with pytest.raises(InputError, match=message):
        listed(tmp_path, made.without(plain(), pattern), split=split)


def test_a_class_that_the_public_test_folder_lacks_is_no_harm_to_the_papers_split(tmp_path):
    assert len(listed(tmp_path, made.without(plain(), "/test/NORMAL/")).items) == 27


def test_three_classes_of_oct_are_another_data_set(tmp_path):
    with pytest.raises(
        InputError, match="no image is of the class DRUSEN; oct has the classes NORMAL, CNV, DME"
    ):
        listed(tmp_path, made.without(made.oct_images(), "DRUSEN"), "oct")


def test_a_copy_beside_the_splits_is_no_more_images(tmp_path):
    files = plain()
    files |= {name.replace("/train/", "/"): content for name, content in files.items() if "/train/" in name}
    with pytest.raises(InputError, match=r"images lie inside of train or test .* and outside"):
        listed(tmp_path, files)


def test_a_misspelled_class_folder(tmp_path):
    files = renamed(plain(), "/PNEUMONIA/", "/PNEUMONA/")
    with pytest.raises(InputError, match=r"unknown class folder 'PNEUMONA'; .*did you mean PNEUMONIA\?"):
        listed(tmp_path, files)


def test_corrupt_images_never_take_a_class_with_them(tmp_path):
    files = plain()
    files |= {name: b"broken" for name in files if "/test/NORMAL/" in name}
    with pytest.raises(
        InputError, match="all of the class NORMAL in test are, --max-corrupt never drops a class"
    ):
        made.prepared(tmp_path, "pneumonia", files, size=8, split="public", max_corrupt=50)


@pytest.mark.parametrize("same", [False, True])
def test_equal_names_in_two_classes_are_two_images(tmp_path, same):
    files = {
        f"train/{name}/{index}.png": made.encoded(index + 10 * place * (not same))
        for place, name in enumerate(("NORMAL", "PNEUMONIA"))
        for index in range(5)
    }
    found = listed(tmp_path, files)
    assert Counter(item.label for item in found.items) == {0: 5, 1: 5}
    assert found.items[0].image_id == "train_NORMAL_0"
    assert not found.skipped
