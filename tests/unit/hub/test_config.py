"""Settings: three sources in their order, and sentences for what is wrong that quote no value."""

from pathlib import Path

import pytest

from hub.config import HOME_DEFAULT, PREFIX, ConfigError, HubConfig, load_config


@pytest.fixture(autouse=True)
def without_a_hub_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in HubConfig.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)
    return home


def test_hub_without_any_setting_is_a_loopback_hub_with_sqlite_in_its_home() -> None:
    config = load_config()
    assert config.home == HOME_DEFAULT.absolute(), "the broker is started in another folder"
    assert (config.api_host, config.broker_host, config.public_host) == ("127.0.0.1",) * 3
    assert config.database == f"sqlite:///{(HOME_DEFAULT / 'data' / 'hub.db').absolute()}"


def test_environment_wins_over_the_file_and_the_command_line_names_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(tmp_path / "hub", "api_port = 1\nbroker_port = 2\n")
    monkeypatch.setenv("VENTANILLA_API_PORT", "3")
    monkeypatch.setenv("VENTANILLA_HOME", "elsewhere")
    config = load_config(home)
    assert (config.home, config.api_port, config.broker_port) == (home, 3, 2)


def test_file_of_the_home_that_the_environment_names_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTANILLA_HOME", str(write(tmp_path / "hub", 'public_host = "hub.example.org"\n')))
    config = load_config()
    assert config.public_host == "hub.example.org"
    assert config.server_names == ("hub.example.org", "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api_prot = 1", "api_prot (VENTANILLA_API_PROT): there is no such setting"),
        ("api_port = 70000", "api_port (VENTANILLA_API_PORT)"),
        ('open311_url = "ftp://s3cret"', "should be an http(s) address without a slash at its end"),
        ('open311_url = "https://core.example/s3cret/"', "without a slash at its end"),
        ('database_url = "mysql://s3cret"', "should be sqlite:///<absolute path> or postgresql://"),
        ('broker = "external"', "an external broker needs at least one host:port"),
        ('broker_addresses = ["s3cret"]', "should be host:port"),
        ('card_token_label = "s3cret"', "set all, or none"),
        ("hold_s = 61", "hold_s (VENTANILLA_HOLD_S)"),
        ("not toml", "config.toml is not valid TOML"),
    ],
)
def test_setting_that_is_wrong_is_named_with_what_would_be_right_and_not_quoted(
    tmp_path: Path, text: str, said: str
) -> None:
    home = write(tmp_path / "hub", text + "\n")
    with pytest.raises(ConfigError) as refused:
        load_config(home)
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_config_shown_in_a_log_shows_no_key_and_no_database_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VENTANILLA_SETTLEMENTS_KEY", "s3cret")
    monkeypatch.setenv("VENTANILLA_DATABASE_URL", "postgresql://hub:s3cret@db/hub")
    assert "s3cret" not in repr(load_config())
