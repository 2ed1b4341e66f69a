"""Pages that only this machine's own browser may ask for."""

from urllib.parse import urlsplit

_HOSTS = {"127.0.0.1", "localhost", "::1"}


def from_this_machine(host: str, origin: str | None) -> bool:
    """Whether this machine's own page asks.

    Another page would name its own origin, and a page that has taken over a host name would address this machine by
    that name (DNS rebinding).

    Args:
        host: The request's header ``Host``.
        origin: Its header ``Origin``; None if it has none.
    """
    try:
        known = urlsplit(f"//{host}").hostname in _HOSTS
    except ValueError:
        return False
    return known and origin in (None, f"http://{host}")
