"""What the driver makes of what workers say; real workers: `test_campaign.py`, `tests/cluster`."""

import pytest

from jaxpix.attack.options import AttackOptions
from jaxpix.attack.remote import _Driver
from jaxpix.attack.task import Refused
from jaxpix.cluster.pool import Heard
from jaxpix.cluster.session import Session
from jaxpix.config import RayConfig
from jaxpix.errors import InputError
from jaxpix.search.flatness import MOST


@pytest.mark.parametrize("is_guided", [False, True])
def test_so_many_flat_images_end_the_attack_unless_another_one_was_guided(is_guided):
    """As on one machine: with millions of images nobody waits until all of them have turned out to be flat."""
    driver = _Driver(Session(RayConfig(ray=True), is_local=True), AttackOptions())
    driver._is_guided = is_guided
    half = [
        Refused(list(range(part, MOST, 2)), InputError("nothing would guide the search")) for part in (0, 1)
    ]
    driver._take(Heard("worker 0", half[0]), None, None, None)
    if is_guided:
        driver._take(Heard("worker 1", half[1]), None, None, None)
        assert sorted(driver._parked()) == list(range(MOST))
        assert driver._parked() == []
    else:
        with pytest.raises(InputError, match="nothing would guide"):
            driver._take(Heard("worker 1", half[1]), None, None, None)


def test_fewer_flat_images_wait_for_the_rest_and_then_end_it():
    driver = _Driver(Session(RayConfig(ray=True), is_local=True), AttackOptions())
    driver._take(Heard("worker 0", Refused([1], InputError("nothing would guide"))), None, None, None)
    with pytest.raises(InputError, match="nothing would guide"):
        driver._parked()
