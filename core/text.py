"""Sentences that are printed."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 picture``, ``2 pictures``.

    Args:
        number: How many.
        noun: Of one.
        plural: Of several; None: the noun with an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
