"""What a user can mend."""


class InputError(ValueError):
    """Something given to jaxpix cannot be used.

    The message says what was expected, what came, what is allowed, and where. Doors print it
    without a traceback and exit with status 2; everything else that escapes is a bug.
    """
