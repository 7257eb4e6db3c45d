"""That every mutant of `long/mutations.py` can still be made, and that the tests it must meet are there."""

import pytest
from long.mutations import MUTANTS, ROOT, Mutant, mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code(mutant: Mutant) -> None:
    text = (ROOT / "jaxpix" / mutant.file).read_text(encoding="utf-8")
    compile(mutated(text, mutant), mutant.file, "exec")
    file, _, test = mutant.tests.partition("::")
    assert f"def {test or 'test_'}" in (ROOT / "tests" / file).read_text(encoding="utf-8")
