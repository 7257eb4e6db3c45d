"""Training a victim."""
