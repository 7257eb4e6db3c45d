"""A model card and checklist, filled from records."""
