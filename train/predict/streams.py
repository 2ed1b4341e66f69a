"""Pictures and streams at addresses: http://, https://, rtsp:// and rtmp://."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from maskaug.core.arrays import Image
from maskaug.core.files import safe_stem
from maskaug.core.pictures import DecodedPicture, PictureError, decode_picture

Capture = Callable[[Any], cv2.VideoCapture]  # a file's name, an address or a camera's number

_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp")
_LIVE = ("rtsp", "rtsps", "rtmp")
_PLAYLISTS = (".m3u8", ".mjpg", ".mjpeg")
_MOST_BYTES = 200_000_000
_SECONDS = 20.0  # without an answer
_WAITS = (1, 2, 4, 8, 15, 30, 30)  # seconds before each new connection


def is_web_address(text: object) -> bool:
    """Whether it is an address of the web or of a stream, and no file."""
    return isinstance(text, str) and text.partition("://")[0].lower() in _SCHEMES and "://" in text


def is_stream(source: object) -> bool:
    """Whether it is an address that goes on by itself, so that its end is a lost connection."""
    if not is_web_address(source):
        return False
    parts = urlsplit(str(source))
    return parts.scheme.lower() in _LIVE or suffix_of(str(source)) in _PLAYLISTS


def suffix_of(source: object) -> str:
    """Of the file or of the address's path, in lower case."""
    path = urlsplit(str(source)).path if is_web_address(source) else str(source)
    return PurePosixPath(path).suffix.lower()


def name_of(address: str) -> str:
    """A file name for what is found at an address: its last part, or its host."""
    parts = urlsplit(address)
    last = PurePosixPath(unquote(parts.path)).name
    return safe_stem(last or parts.hostname or "stream")


def without_password(address: str) -> str:
    """The address as it may be printed and recorded."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def read_address(address: str) -> DecodedPicture:
    """The picture at an ``http`` address.

    Raises:
        PictureError: it cannot be had, or is no usable picture.
    """
    shown = without_password(address)
    request = urllib.request.Request(address, headers={"User-Agent": "maskaug"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            data = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise PictureError("missing", f"{shown} answers {error.code} {error.reason}; check the address") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise PictureError("unreadable", f"{shown} cannot be reached ({why}); check address and network") from error
    if len(data) > _MOST_BYTES:
        raise PictureError("too_many_pixels", f"{shown} is larger than {_MOST_BYTES // 10**6} MB; save it, and cut it")
    return decode_picture(data, shown)


def stream_images(
    address: str, capture: Capture = cv2.VideoCapture, sleep: Callable[[float], object] = time.sleep
) -> Iterator[tuple[Image | None, float, str]]:
    """Images of a stream, ``(H, W, 3) uint8`` RGB, for as long as it can be reached, with its frames a second.

    A lost connection is opened again, after longer and longer waits; where it stays lost, the
    last is None and words say so.

    Args:
        address: Of the stream.
        capture: What opens it.
        sleep: Waits for so many seconds.
    """
    lost, shown = 0, without_password(address)
    while True:
        video = capture(address)
        rate = float(video.get(cv2.CAP_PROP_FPS)) or 25.0
        while True:
            there, image = video.read()
            if not there:
                break
            lost = 0
            yield np.asarray(cv2.cvtColor(cast(Image, image), cv2.COLOR_BGR2RGB), dtype=np.uint8), rate, ""
        video.release()
        if lost == len(_WAITS):
            yield None, rate, f"{shown} cannot be reached after {lost} tries; check address, password and network"
            return
        sleep(_WAITS[lost])
        lost += 1
