"""`--wandb auto` does what the user told W&B, and agrees with W&B's own reading of it."""

import os
from pathlib import Path

import pytest

from vitbench.errors import UnknownNameError
from vitbench.training.trackers.wandb import resolved_mode
from vitbench.training.trackers.wandb_settings import users_choice

KEY = "0" * 40


@pytest.fixture(autouse=True)
def _nobody(tmp_path, monkeypatch) -> None:
    """A user with a home folder that is empty and an environment that says nothing."""
    for name in [n for n in os.environ if n.startswith("WANDB_")] + ["NETRC"]:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")


def write(path: str, text: str) -> Path:
    file = Path(path).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def as_wandb_reads_it() -> tuple[str, str]:
    """The mode, and the server, of W&B's own settings."""
    from wandb.sdk.wandb_settings import Settings

    settings = Settings(silent=True)
    settings.settings_system = str(Path("~/.config/wandb/settings").expanduser())
    settings.update_from_system_settings()
    settings.update_from_env_vars(dict(os.environ))
    mode = "disabled" if settings._noop else "offline" if settings._offline else "online"
    return mode, settings.base_url


@pytest.mark.parametrize("word", ["online", "offline", "disabled", "dryrun", "run", "shared"])
def test_every_word_of_wandbs_means_what_it_means_to_wandb(word, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    write("wandb/settings", f"[default]\nmode = {word}\n")
    assert users_choice().mode == as_wandb_reads_it()[0]

    monkeypatch.setenv("WANDB_MODE", word)
    write("wandb/settings", "[default]\nmode = offline\n")
    assert users_choice().mode == as_wandb_reads_it()[0]


@pytest.mark.parametrize(
    ("word", "mode"),
    [("Offline", "offline"), ("disabled ", "disabled"), ("DRYRUN", "offline"), (" Run", "online")],
)
def test_a_word_is_read_in_any_case_and_with_spaces(word, mode, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", word)

    assert users_choice().mode == mode


@pytest.mark.parametrize("name", ["WANDB_MODE", "WANDB_DISABLED"])
def test_an_unknown_word_is_told_and_is_no_consent(name, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv(name, "ofline")

    choice = users_choice()

    assert choice.mode == "offline"
    assert choice.why.startswith(f"{name} is 'ofline': choose from ")
    assert ("did you mean 'offline'?" in choice.why) == (name == "WANDB_MODE")


@pytest.mark.parametrize(
    ("word", "mode"),
    [("true", "disabled"), ("1", "disabled"), ("YES", "disabled"), ("", "online"), ("0", "online"),
     ("False", "online")],
)  # fmt: skip
def test_wandb_disabled_is_a_no_whatever_else_is_said(word, mode, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_DISABLED", word)

    assert users_choice().mode == mode


@pytest.mark.parametrize("place", ["wandb/settings", ".wandb/settings", "~/.config/wandb/settings"])
def test_wandb_disabled_and_offline_are_found_where_wandb_writes_them(place, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    for mode in ("disabled", "offline"):
        file = write(place, f"[default]\nmode = {mode}\n")
        choice = users_choice()
        assert (choice.mode, as_wandb_reads_it()[0]) == (mode, mode)
        assert choice.why == f"set by `mode` in {file}"

    write(place, "[default]\ndisabled = true\n")  # of an early version
    assert users_choice().mode == "disabled"
    assert resolved_mode("online") == "online"  # outright it is asked for


def test_the_working_folders_settings_win_over_the_users_own(monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    write("~/.config/wandb/settings", "[default]\nmode = disabled\n")
    write("wandb/settings", "[default]\nmode = online\n")

    assert users_choice().mode == as_wandb_reads_it()[0] == "online"


@pytest.mark.parametrize("by", ["variable", "settings"])
def test_credentials_are_those_of_the_server_in_question(by, monkeypatch) -> None:
    write("~/.netrc", f"machine wandb.example.org:8080\n  login user\n  password {KEY}\n")
    assert users_choice().mode == "offline"

    server = "https://wandb.example.org:8080"
    if by == "variable":
        monkeypatch.setenv("WANDB_BASE_URL", server)
    else:
        write("~/.config/wandb/settings", f"[default]\nbase_url = {server}\n")

    choice = users_choice()
    assert as_wandb_reads_it()[1] == server
    assert choice.mode == "online"
    assert choice.why == "credentials found for wandb.example.org:8080"


def test_a_netrc_file_is_found_by_its_variable_and_its_default_entry_is_not_for_wandb(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "keys"))
    write(str(tmp_path / "keys"), "default login anonymous password me@example.org\n")
    assert users_choice().mode == "offline"

    write(str(tmp_path / "keys"), f"machine api.wandb.ai login user password {KEY}\n")
    assert users_choice().mode == "online"


@pytest.mark.parametrize("broken", ["netrc", "settings"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00m", b"no such thing = [\n", b"folder"])
def test_a_file_that_cannot_be_read_is_told_and_no_consent(broken, content) -> None:
    file = Path("~/.netrc" if broken == "netrc" else "wandb/settings").expanduser()
    file.parent.mkdir(exist_ok=True)
    if content == b"folder":
        file.mkdir()
    else:
        file.write_bytes(content)

    choice = users_choice()

    assert choice.mode == "offline"
    assert file.name in choice.why
    assert "cannot be read" in choice.why or "not a small file" in choice.why


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'offline'"):
        resolved_mode("ofline")


def test_a_server_that_is_no_address_is_told_and_no_consent(monkeypatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://[bad")

    choice = users_choice()

    assert choice.mode == "offline"
    assert "'http://[bad' is not a valid address" in choice.why
