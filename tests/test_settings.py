"""Settings come from the environment, and what is unsafe or misspelt is refused by name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.errors import SettingsRefused
from service.settings import Settings


def test_the_defaults_are_the_limits_table() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert (settings.max_tokens, settings.max_sentences) == (5_000, 1_000)
    assert settings.max_body_bytes == 256 * 1024
    assert (settings.max_json_depth, settings.deadline, settings.waiting_line) == (20, 10.0, 16)
    assert (settings.rate_requests, settings.rate_bytes) == (60, 300 * 1024)


def test_each_field_has_its_variable_and_keeps_its_type() -> None:
    given = {
        "STAR_FEEDBACK_SPACY_MODEL": "en_core_web_sm",
        "STAR_FEEDBACK_MODELS_DIR": "models of mine",
        "STAR_FEEDBACK_MAX_TOKENS": "7",
        "STAR_FEEDBACK_DEADLINE": "2.5",
        "HOME": "ignored",
    }
    settings = Settings.from_environment(given)
    assert settings.spacy_model == "en_core_web_sm"
    assert settings.models_dir == Path("models of mine")
    assert settings.max_tokens == 7
    assert settings.deadline == 2.5
    for field in fields(Settings):
        value = getattr(Settings(), field.name)
        read = Settings.from_environment(
            {f"STAR_FEEDBACK_{field.name.upper()}": str(value), "STAR_FEEDBACK_API_KEY_DIGESTS": ""}
        )
        assert getattr(read, field.name) == value
        assert type(getattr(read, field.name)) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("STAR_FEEDBACK_MAX_TOKEN", "5", "STAR_FEEDBACK_MAX_TOKEN is not a setting"),
        ("STAR_FEEDBACK_PORT", "http", "STAR_FEEDBACK_PORT must be of type int"),
        ("STAR_FEEDBACK_DEADLINE", "soon", "STAR_FEEDBACK_DEADLINE must be of type float"),
        ("STAR_FEEDBACK_MAX_TOKENS", "0", "STAR_FEEDBACK_MAX_TOKENS must be above 0"),
        ("STAR_FEEDBACK_WORKERS", "-1", "STAR_FEEDBACK_WORKERS must be above 0"),
        ("STAR_FEEDBACK_DEADLINE", "0", "STAR_FEEDBACK_DEADLINE must be above 0"),
        ("STAR_FEEDBACK_DEADLINE", "nan", "STAR_FEEDBACK_DEADLINE must be above 0"),
        ("STAR_FEEDBACK_DEADLINE", "inf", "STAR_FEEDBACK_DEADLINE must be above 0"),
        ("STAR_FEEDBACK_MAX_SENTENCES", "0", "STAR_FEEDBACK_MAX_SENTENCES must be above 0"),
        ("STAR_FEEDBACK_MAX_JSON_DEPTH", "-5", "STAR_FEEDBACK_MAX_JSON_DEPTH must be above 0"),
        ("STAR_FEEDBACK_WAITING_LINE", "-1", "STAR_FEEDBACK_WAITING_LINE must be 0 or more"),
        ("STAR_FEEDBACK_RATE_BYTES", "-1", "STAR_FEEDBACK_RATE_BYTES must be 0 or more"),
        ("STAR_FEEDBACK_PORT", "-1", "STAR_FEEDBACK_PORT must be 0 or more"),
        ("STAR_FEEDBACK_PORT", "65536", "STAR_FEEDBACK_PORT must be a port"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, value: str, named: str) -> None:
    with pytest.raises(SettingsRefused, match=named):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])  # noqa: S104
def test_only_loopback_serves_without_keys(host: str) -> None:
    with pytest.raises(SettingsRefused, match="API_KEY_DIGESTS"):
        Settings.from_environment({"STAR_FEEDBACK_HOST": host})
    settings = Settings.from_environment(
        {"STAR_FEEDBACK_HOST": host, "STAR_FEEDBACK_API_KEY_DIGESTS": "ab" * 32}
    )
    assert settings.host == host


def test_jobs_are_kept_for_a_day_and_may_be_switched_off() -> None:
    settings = Settings()
    assert settings.keeps_jobs
    assert settings.jobs_dir.endswith("star-feedback/jobs")
    assert (settings.jobs_retention, settings.max_jobs_per_key, settings.max_jobs) == (86_400, 10, 1_000)
    assert settings.jobs_lease <= 30
    assert not Settings.from_environment({"STAR_FEEDBACK_JOBS_DIR": ""}).keeps_jobs
    assert not Settings.from_environment({"STAR_FEEDBACK_JOBS_RETENTION": "0"}).keeps_jobs


def test_the_database_of_jobs_is_postgresql_by_the_one_driver() -> None:
    url = "postgresql+psycopg://user:secret@host/jobs"
    assert Settings.from_environment({"STAR_FEEDBACK_JOBS_URL": url}).jobs_url == url
    for other in ("postgresql://user:secret@host/jobs", "sqlite:///secret", "secret"):
        with pytest.raises(SettingsRefused, match="STAR_FEEDBACK_JOBS_URL must begin") as refused:
            Settings.from_environment({"STAR_FEEDBACK_JOBS_URL": other})
        assert "secret" not in str(refused.value)


def test_a_limit_may_be_switched_off() -> None:
    names = ("RATE_REQUESTS", "RATE_BYTES", "WAITING_LINE", "PORT")
    settings = Settings.from_environment({f"STAR_FEEDBACK_{name}": "0" for name in names})
    assert (settings.rate_requests, settings.rate_bytes, settings.waiting_line, settings.port) == (0, 0, 0, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    assert Settings.from_environment({"STAR_FEEDBACK_HOST": host}).host == host
