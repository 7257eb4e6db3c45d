"""The paper's printed figures, and how attacks differ from its protocol."""
