"""Files that are whole or absent, whatever happens to the process that writes them."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader, or a kill, sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
