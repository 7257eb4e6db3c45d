"""The tables of a report, from records alone."""
