"""The paper's formulas, and a few beyond them, as pure functions of records (section 5)."""
