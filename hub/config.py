"""Every setting of the hub: from the command line, the environment, or `config.toml`, in that order.

The only reader of the environment in the hub. A variable is `VENTANILLA_` and the setting's name in capitals;
in `config.toml` it is the name itself. `docs/OPERATIONS.md` describes each.

Rules: what is wrong is said at the start, with the setting's name, what would be right, and never its value,
which may be a key. Secrets come from the environment or from a file, never from the command line.
"""

import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.model.errors import DeviceError, InputError
from shared.protocol.limits import KEEP_WINDOW_MS

PREFIX: Final = "VENTANILLA_"
CONFIG_FILE: Final = "config.toml"
HOME_DEFAULT: Final = Path("ventanilla-hub")

ADDRESS: Final = r"^(\[[0-9a-f:]+\]|[a-z0-9.-]+):[0-9]{1,5}$"
URL: Final = r"^(https?://\S+[^/\s])?$"
DATABASE_URL: Final = r"^(sqlite:///.+|postgresql://.+)$"
NAME: Final = r"^[a-z0-9.:-]{1,253}$"
_FORMS: Final = MappingProxyType(
    {
        ADDRESS: "should be host:port, in lower case",
        URL: "should be an http(s) address without a slash at its end, or empty",
        DATABASE_URL: "should be sqlite:///<absolute path> or postgresql://…",
        NAME: "should be a host name or an IP address, in lower case",
    }
)


class ConfigError(InputError):
    """A setting of the hub is wrong; correct it and start again."""


class FolderError(DeviceError):
    """A folder of the hub cannot be read or written; look at its owner and at the disk, then start again."""


class HubConfig(BaseSettings):
    """The settings; each one's meaning stands in docs/OPERATIONS.md."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    home: Path = HOME_DEFAULT
    town: str = Field(default="Ventanilla", min_length=1, max_length=100)
    key_copy_dir: Path | None = None
    database_url: str | None = Field(default=None, pattern=DATABASE_URL, repr=False)
    journal_copy_dir: Path | None = None
    backup_dir: Path | None = None
    backup_every_h: int = Field(default=24, ge=1, le=720)
    backups_kept: int = Field(default=7, ge=1, le=1_000)

    public_host: str = Field(default="127.0.0.1", pattern=NAME)
    api_host: str = Field(default="127.0.0.1", pattern=NAME)
    api_port: int = Field(default=8443, ge=0, le=65_535)

    broker: Literal["embedded", "external"] = "embedded"
    broker_host: str = Field(default="127.0.0.1", pattern=NAME)
    broker_port: int = Field(default=8883, ge=0, le=65_535)
    broker_binary: Path | None = None
    broker_addresses: tuple[Annotated[str, Field(pattern=ADDRESS)], ...] = ()

    open311_url: str = Field(default="", pattern=URL)
    open311_key: str = Field(default="", repr=False)
    open311_jurisdiction: str = ""
    open311_reference_query: str = ""
    open311_parallel: int = Field(default=8, ge=1, le=64)
    open311_settle_s: float = Field(default=30.0, ge=0, le=3_600)
    open311_photographs: Literal["clerk", "keyed", "unkeyed"] = "clerk"
    open311_updates_every_s: float = Field(default=60.0, ge=0, le=86_400)
    settlements_url: str = Field(default="", pattern=URL)
    settlements_key: str = Field(default="", repr=False)
    settlements_batch: int = Field(default=100, ge=1, le=1_000)
    settlements_parallel: int = Field(default=4, ge=1, le=64)
    notices_url: str = Field(default="", pattern=URL)
    notices_key: str = Field(default="", repr=False)
    notices_batch: int = Field(default=100, ge=1, le=1_000)
    notices_parallel: int = Field(default=4, ge=1, le=64)
    cloudevents_url: str = Field(default="", pattern=URL)
    cloudevents_key: str = Field(default="", repr=False)
    cloudevents_batch: int = Field(default=100, ge=1, le=1_000)
    cloudevents_parallel: int = Field(default=4, ge=1, le=64)
    mailbox_url: str = Field(default="", pattern=URL)
    mailbox_key: str = Field(default="", repr=False)
    mailbox_batch: int = Field(default=100, ge=1, le=1_000)
    mailbox_parallel: int = Field(default=4, ge=1, le=64)
    mailbox_answers_every_s: float = Field(default=60.0, ge=0, le=86_400)
    contacts_kept_days: int = Field(default=30, ge=1, le=3_650)
    photographs_kept_days: int = Field(default=90, ge=KEEP_WINDOW_MS // 86_400_000, le=3_650)
    mailbox_kept_days: int = Field(default=180, ge=KEEP_WINDOW_MS // 86_400_000, le=3_650)
    media_base_url: str = Field(default="", pattern=URL)
    core_timeout_s: float = Field(default=10.0, gt=0, le=300)
    core_ca_file: Path | None = None
    retry_max_s: float = Field(default=300.0, gt=0, le=3_600)

    card_token_module: Path | None = None
    card_token_label: str = Field(default="", max_length=32)
    card_token_pin_file: Path | None = None

    card_form: int = Field(default=1, ge=1, le=2)
    purse_floor_minor: int = Field(default=-500, le=0)
    notices_approval: Literal["another", "anyone"] = "another"
    hold_s: int = Field(default=0, ge=0, le=60)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic passes them by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then the file of the home that these two name."""
        named = {**env_settings(), **init_settings()}
        file = Path(str(named.get("home", HOME_DEFAULT))) / CONFIG_FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @model_validator(mode="after")
    def _broker_is_somewhere(self) -> Self:
        if self.broker == "external" and not self.broker_addresses:
            raise ValueError("broker_addresses: an external broker needs at least one host:port")
        return self

    @model_validator(mode="after")
    def _copies_are_of_sqlite(self) -> Self:
        if (self.database_url or "").startswith("postgresql"):
            if self.journal_copy_dir is not None:
                raise ValueError("journal_copy_dir: PostgreSQL copies by its own WAL archiving; remove it")
            if self.backup_dir is not None:
                raise ValueError("backup_dir: PostgreSQL is backed up by pg_dump; remove it")
        return self

    @model_validator(mode="after")
    def _token_is_named_whole(self) -> Self:
        named = (self.card_token_module, self.card_token_label, self.card_token_pin_file)
        if any(named) and not all(named):
            raise ValueError("card_token_module, card_token_label, card_token_pin_file: set all, or none")
        return self

    @field_validator(
        "home",
        "key_copy_dir",
        "journal_copy_dir",
        "backup_dir",
        "broker_binary",
        "core_ca_file",
        "card_token_module",
        "card_token_pin_file",
    )
    @classmethod
    def _wherever_it_was_started(cls, path: Path | None) -> Path | None:
        """Children of the hub have working folders of their own."""
        return None if path is None else path.absolute()

    @property
    def keys_dir(self) -> Path:
        """Where the keys lie: registry, certificates, the hub's own secrets."""
        return self.home / "keys"

    @property
    def broker_dir(self) -> Path:
        """The embedded broker's configuration, store and log."""
        return self.home / "broker"

    @property
    def run_dir(self) -> Path:
        """What is true while the hub runs: its ports and process id."""
        return self.home / "run"

    @property
    def data_dir(self) -> Path:
        """The folder of the database, where it is SQLite."""
        return self.home / "data"

    @property
    def attachments_dir(self) -> Path:
        """Bodies that devices sent apart from their events, sealed."""
        return self.home / "attachments"

    @property
    def database(self) -> str:
        """The database's URL; a file in the home unless one was named."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hub.db'}"

    @property
    def server_names(self) -> tuple[str, ...]:
        """What the server's certificate must name besides loopback."""
        return tuple(dict.fromkeys((self.public_host, self.api_host)))


def load_config(home: Path | None = None) -> HubConfig:
    """Read the settings.

    Args:
        home: the hub's home where the command line names one.

    Raises:
        ConfigError: a setting is unknown or has no meaning, or config.toml cannot be read.
    """
    try:
        return HubConfig() if home is None else HubConfig(home=home)
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{CONFIG_FILE} is not valid TOML ({error}); correct that line") from None
    except OSError as error:
        raise ConfigError(f"{CONFIG_FILE} cannot be read ({error.strerror}); look at its owner") from None


def _sentence(error: ValidationError) -> str:
    """Say which settings are wrong and what would be right."""
    said: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in item["loc"])
        match item["type"]:
            case "extra_forbidden":
                reason = "there is no such setting"
            case "string_pattern_mismatch":
                reason = _FORMS[item.get("ctx", {}).get("pattern", "")]
            case _:
                reason = item["msg"].removeprefix("Value error, ")
        said.append(f"{name} ({PREFIX}{name.upper()}): {reason}" if name else reason)
    return (
        f"{'; '.join(said)}. docs/OPERATIONS.md lists every setting; correct {CONFIG_FILE} or the variable."
    )
