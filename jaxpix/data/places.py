"""Where a prepared data set lies: <data folder>/<name>/<scheme>-<size>/<version>/."""

VERSION = "1.0.0"
SUMMARY_FILE = "summary.json"
INDEX_FILE = "index.parquet"


def folder_name(name: str) -> str:
    """What a data set's folder is called."""
    return name.replace("-", "_")


def config_name(scheme: str, image_size: int) -> str:
    """What the folder of one split and size is called."""
    return f"{scheme}-{image_size}"
