"""The user's own choice of a Weights & Biases mode, for `--wandb auto`.

It is read as W&B reads it, without importing W&B: the variables WANDB_MODE and WANDB_DISABLED, the
settings files that `wandb disabled`, `wandb offline` and `wandb login --host` write, and the
credentials for that server. A refusal is always respected; an unclear value never means online.
"""

import configparser
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from vitbench.errors import did_you_mean, shortened

Mode = Literal["online", "offline", "disabled"]
# W&B's words, with those of its earlier versions.
WORDS: Mapping[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}
YES = ("1", "true", "t", "yes", "y", "on")
NO = ("", "0", "false", "f", "no", "n", "off")
OWN_SERVERS = ("api.wandb.ai", "api.forge.coreweave.com")  # two names of W&B's own server
MOST_BYTES = 1_000_000  # largest settings file or netrc file
LATER = "`wandb sync` sends runs later"


@dataclass(frozen=True)
class WandbChoice:
    """A mode and its reason.

    Attributes:
        mode: The W&B mode.
        why: The reason, in a few words for the user.
    """

    mode: Mode
    why: str


def users_choice() -> WandbChoice:
    """The mode that follows from the environment, W&B's settings files and the credentials."""
    try:
        return _explicit_choice() or _by_credentials()
    except _UnreadableError as error:  # it may contain the user's refusal
        return WandbChoice("offline", f"{error}; {LATER}")


def _explicit_choice() -> WandbChoice | None:
    """The mode that the user set, if any; the environment comes before the files."""
    disabled = os.environ.get("WANDB_DISABLED", "").strip().lower()
    if disabled in YES:
        return WandbChoice("disabled", "set by WANDB_DISABLED")
    if disabled not in NO:
        return _unknown("WANDB_DISABLED", disabled, ("true", "false"))
    asked = os.environ.get("WANDB_MODE", "")
    if asked.strip():
        return _meaning("WANDB_MODE", asked)
    settings = _settings()
    if "mode" in settings:
        choice = _meaning(f"`mode` in {settings['mode'].file}", settings["mode"].value)
        return None if choice.mode == "online" else choice  # online is W&B's default, not a choice
    early = settings.get("disabled")  # as early versions wrote it
    if early is not None and early.value.strip().lower() not in NO:
        return WandbChoice("disabled", f"set by `disabled` in {early.file}")
    return None


def _meaning(source: str, asked: str) -> WandbChoice:
    word = asked.strip().lower()
    if word in WORDS:
        return WandbChoice(WORDS[word], f"set by {source}")
    return _unknown(source, asked, ("online", "offline", "disabled"))


def _unknown(source: str, asked: str, allowed: tuple[str, ...]) -> WandbChoice:
    """An unknown word is not consent: offline."""
    return WandbChoice(
        "offline",
        f"{source} is {shortened(asked)!r}: choose from {', '.join(allowed)}"
        f"{did_you_mean(asked.strip(), allowed)}",
    )


def _by_credentials() -> WandbChoice:
    """Online if there are credentials for the server."""
    settings = _settings()
    own_server = settings.get("base_url", _Setting("", Path())).value
    server = os.environ.get("WANDB_BASE_URL", "").strip() or own_server.strip()
    try:
        host = urlsplit(server).netloc
    except ValueError:
        raise _UnreadableError(
            f"W&B's server {shortened(server)!r} is not a valid address"
        ) from None
    at = f" for {host}" if host and host not in OWN_SERVERS else ""
    machines = (host,) if at else OWN_SERVERS
    keys = [os.environ.get("WANDB_API_KEY"), os.environ.get("WANDB_IDENTITY_TOKEN_FILE")]
    if "api_key" in settings:
        keys.append(settings["api_key"].value)
    if any(key and key.strip() for key in keys) or _is_in_netrc(machines):
        return WandbChoice("online", f"credentials found{at}")
    return WandbChoice("offline", f"no credentials{at}; {LATER}")


class _UnreadableError(Exception):
    """A file that exists and cannot be read."""


@dataclass(frozen=True)
class _Setting:
    """A value of a settings file, and the file."""

    value: str
    file: Path


def _settings() -> dict[str, _Setting]:
    """W&B's settings; those of the working folder replace the user's own.

    Raises:
        _UnreadableError: One cannot be read.
    """
    settings: dict[str, _Setting] = {}
    for file in (_own_settings_file(), _local_settings_file()):
        if file is None or not _is_readable(file):
            continue
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeError, configparser.Error) as error:
            raise _UnreadableError(f"{file} cannot be read ({type(error).__name__})") from None
        if parser.has_section("default"):
            settings.update({key: _Setting(value, file) for key, value in parser.items("default")})
    return settings


def _own_settings_file() -> Path | None:
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    home = _at_home(folder)
    return None if home is None else home / "settings"


def _local_settings_file() -> Path:
    root = Path(os.environ.get("WANDB_DIR") or ".")
    hidden = os.environ.get("WANDB_USE_DOT_WANDB", "").strip().lower()
    is_hidden = hidden in YES if hidden else os.path.isdir(root / ".wandb")  # noqa: PTH112
    return root / (".wandb" if is_hidden else "wandb") / "settings"


def _is_in_netrc(machines: tuple[str, ...]) -> bool:
    """Whether the user's netrc file has a key for one of the machines.

    Raises:
        _UnreadableError: It cannot be read.
    """
    if os.environ.get("NETRC"):
        files = [_at_home(os.environ["NETRC"])]
    else:
        files = [_at_home("~/.netrc"), _at_home("~/_netrc")]
    file = next((file for file in files if file is not None and _is_readable(file)), None)
    if file is None:
        return False
    try:
        hosts = netrc.netrc(str(file)).hosts
    except (OSError, UnicodeError, netrc.NetrcParseError) as error:
        raise _UnreadableError(f"{file} cannot be read ({type(error).__name__})") from None
    # Not its `default` entry, which is for other servers.
    return any(hosts[machine][2] for machine in machines if machine in hosts)


def _is_readable(file: Path) -> bool:
    """Whether there is a small regular file.

    Raises:
        _UnreadableError: It is something else, or there is no permission to read it.
    """
    try:
        if not file.exists():
            return False
        if file.is_file() and file.stat().st_size <= MOST_BYTES:
            return True
    except OSError as error:
        raise _UnreadableError(f"{file} cannot be read ({type(error).__name__})") from None
    raise _UnreadableError(f"{file} is not a small file")


def _at_home(path: str) -> Path | None:
    """A path with its ~ resolved; None if there is no home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None
