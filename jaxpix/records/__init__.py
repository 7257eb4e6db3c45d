"""One row per experiment, and the files of rows."""
