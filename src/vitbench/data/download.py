"""Downloads: whether a server answers, the bytes of a file, and why it failed."""

import socket
import threading
from collections.abc import Iterator
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass, urlopen

from vitbench.errors import shortened
from vitbench.streams import import_tqdm

CONNECT_S = 1.5  # seconds that one address has to answer
REACH_S = 2.0  # seconds for name lookup and connection; a working network needs far less
STALLED_S = 30  # seconds without a byte after which a download is stopped
CHUNK = 2**20


def check_reachable(url: str) -> None:
    """Check that the host of a URL, or its proxy, answers within seconds.

    It connects in a thread: a name lookup has no time limit, and takes half a minute if no name
    server answers.

    Raises:
        OSError: It does not answer.
        ValueError: The URL or the proxy's address is not valid.
    """
    target = urlsplit(url)
    proxy = getproxies().get(target.scheme)
    if proxy and not proxy_bypass(target.hostname or ""):
        target = urlsplit(proxy if "://" in proxy else f"//{proxy}")
    address = (target.hostname or "", target.port or (443 if target.scheme == "https" else 80))
    outcome: list[Exception | None] = []

    def connect() -> None:
        try:
            socket.create_connection(address, CONNECT_S).close()
        except (OSError, ValueError) as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(REACH_S)
    if not outcome:
        raise TimeoutError(f"{address[0]} does not answer")
    if outcome[0] is not None:
        raise outcome[0]


def download(url: str) -> Iterator[bytes]:
    """Yield the bytes of a file on the network, with a progress bar on stderr."""
    tqdm = import_tqdm()

    with urlopen(url, timeout=STALLED_S) as response:
        total = int(response.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, leave=False) as bar:
            while chunk := response.read(CHUNK):
                yield chunk
                bar.update(len(chunk))


def short_reason(error: BaseException) -> str:
    """Why something failed, in one short line."""
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return shortened(" ".join(words.split()) or type(error).__name__, 100)
