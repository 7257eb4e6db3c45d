"""What was read from a file, checked against the type that it should have."""

import functools
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from .options import explain

Kind = TypeVar("Kind")


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def checked(kind: type[Kind], value: Any, where: str) -> Kind:
    """`value`, which must be as the `TypedDict` `kind` says; keys that it does not name are left out.

    Args:
        kind: numbers, texts and lists are converted into one another only where its configuration allows.
        value: what a file holds.
        where: begins the message, which names the key.

    Raises:
        InputError: a key is missing, or a value is of another type or out of its range.
    """
    adapter: TypeAdapter[Kind] = _adapter(kind)  # type: ignore[arg-type]
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise explain(error, where) from None
