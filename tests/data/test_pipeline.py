import numpy as np
import pytest

from jaxpix.data.pipeline import augmented, evaluation_batches, in_memory, training_batches


def examples(count, channels=1, size=8, multilabel=False):
    generator = np.random.Generator(np.random.PCG64(0))
    return [
        {
            "image": generator.integers(0, 256, (size, size, channels)).astype(np.uint8),
            "label": np.array([index % 2, 1, 0], np.uint8) if multilabel else index,
            "image_id": f"image {index}",
            "group": "",
        }
        for index in range(count)
    ]


SOURCE = examples(23)


def batches(**changes):
    return list(training_batches(SOURCE, **{"batch_size": 5, "seed": 0, "epoch": 1, **changes}))


def order(**changes):
    """The labels, which are positions in `SOURCE`."""
    return np.concatenate([batch["labels"] for batch in batches(**changes)]).tolist()


def assert_equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_a_batch_carries_images_with_their_labels():
    for batch in batches():
        assert batch["images"].dtype == np.uint8
        assert batch["labels"].dtype == np.int32
        assert batch["mask"].all()
        for image, label in zip(batch["images"], batch["labels"], strict=True):
            np.testing.assert_array_equal(image, SOURCE[label]["image"])


def test_an_epoch_is_a_shuffle_without_its_last_partial_batch():
    assert len(order()) == len(set(order())) == 20
    assert order() != sorted(order())


def test_seed_and_epoch_decide_the_order():
    assert order() == order()
    assert order() != order(epoch=2)
    assert order() != order(seed=1)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=1)


def test_only_the_given_positions_are_used():
    chosen = np.array([3, 5, 8, 13, 21])
    assert sorted(order(indices=chosen)) == chosen.tolist()


def test_fewer_images_than_a_batch_give_none():
    assert batches(indices=np.arange(4)) == []


def test_augmentation_is_off_by_default_and_differs_by_epoch():
    plain, changed, again = batches(), batches(augment=True), batches(augment=True)
    assert_equal(changed, again)
    for a, b in zip(plain, changed, strict=True):
        np.testing.assert_array_equal(a["labels"], b["labels"])
        assert (a["images"] != b["images"]).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_augmentation_moves_but_does_not_invent(channels):
    image = np.zeros((40, 40, channels), np.uint8)
    image[10:30, 12:26] = 200
    seen = [augmented(image, np.random.default_rng(seed)) for seed in range(20)]
    for picture in seen:
        assert picture.shape == image.shape
        assert picture.dtype == np.uint8
        assert picture.max() <= 200
        assert abs(float(picture.mean()) - image.mean()) < 8
    assert len({picture.tobytes() for picture in seen}) == 20


def test_augmentation_leaves_no_black_corner():
    white = np.full((32, 32, 1), 255, np.uint8)
    for seed in range(20):
        assert augmented(white, np.random.default_rng(seed)).min() == 255


@pytest.mark.parametrize(("count", "batch_size"), [(23, 5), (20, 5), (3, 5), (1, 1)])
def test_every_evaluation_image_exactly_once_in_order(count, batch_size):
    found = list(evaluation_batches(SOURCE[:count], batch_size=batch_size))
    seen = np.concatenate([batch["labels"][batch["mask"]] for batch in found])
    np.testing.assert_array_equal(seen, np.arange(count))
    assert {len(batch["images"]) for batch in found} == {batch_size}
    for batch in found:
        for image, label, is_real in zip(batch["images"], batch["labels"], batch["mask"], strict=True):
            if is_real:
                np.testing.assert_array_equal(image, SOURCE[label]["image"])


def test_multilabel_labels_are_vectors():
    batch = next(iter(evaluation_batches(examples(4, multilabel=True), batch_size=4)))
    assert batch["labels"].dtype == np.uint8
    np.testing.assert_array_equal(batch["labels"], [[0, 1, 0], [1, 1, 0]] * 2)


def test_in_memory_holds_the_same_examples_unless_they_are_too_many():
    held = in_memory(SOURCE)
    assert len(held) == 23
    for a, b in zip(held, SOURCE, strict=True):
        assert a["image_id"] == b["image_id"]
        np.testing.assert_array_equal(a["image"], b["image"])
    assert in_memory(SOURCE, max_bytes=100) is SOURCE
