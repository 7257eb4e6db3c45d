"""The registry is consistent, and options that do not fit a data set are refused."""

import pytest
from support import made_trees as made

from jaxpix.data.registry import DATASETS
from jaxpix.errors import InputError


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cats", {}, "unknown data set 'cats'; known: phantom-derma"),
        ("derma", {"split": "public"}, "derma: unknown split 'public'; allowed: paper, lesion"),
        ("derma", {"name": "mine"}, "--name is only for 'folder'"),
        ("derma", {"normal_classes": ("nv",)}, "--normal-classes is only for 'folder'"),
        ("derma", {"num_images": 3}, "--num-images is only for phantom-derma"),
        ("derma", {}, "derma needs --source PATH"),
    ],
)
def test_options_that_do_not_fit(name, options, message):
    with pytest.raises(InputError, match=message):
        made.listing(name, None, **options)


def test_the_registry_is_consistent():
    for info in DATASETS.values():
        assert set(info.normal_classes) <= set(info.class_names)
        assert len(set(info.class_names)) == len(info.class_names)
        assert info.split_schemes
        assert info.licence
    assert DATASETS["derma"].class_names == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    assert len(DATASETS["chest"].class_names) == 14
    assert DATASETS["chest"].class_names[12] == "Pleural_Thickening"
