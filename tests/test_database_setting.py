"""Where everything is kept, and which part of the work a process does, is said once and clearly."""

from pathlib import Path

import pytest

from offhook.model.errors import Invalid
from offhook.opening import place
from offhook.settings import Role, load

URL = "postgresql://anna:secret@db.example:6432/offhook"


def test_a_database_takes_the_place_of_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE", URL)
    assert load().database == URL
    assert "secret" not in place(load())


def test_the_option_for_a_folder_beats_the_environments_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE", URL)
    assert load(data=tmp_path).database is None
    assert place(load(data=tmp_path)) == str(tmp_path)


def test_both_options_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="two places"):
        load(data=tmp_path, database=URL)


@pytest.mark.parametrize("url", ["mysql://db/offhook", "db.example", ""])
def test_what_is_no_url_of_postgresql_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(Invalid, match="no URL of a PostgreSQL database") as refusal:
        load(database=url)
    assert "(it is" not in refusal.value.detail


@pytest.mark.parametrize("role", [Role.API, Role.ENGINE])
def test_a_folder_belongs_to_one_process_so_to_one_of_all_roles(role: Role, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="give --database"):
        load(data=tmp_path, role=role)
    assert load(database=URL, role=role).role is role


def test_a_refused_role_repeats_no_other_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OFFHOOK_BOOTSTRAP_KEY", "admin" * 8)
    monkeypatch.setenv("OFFHOOK_SECRET_KEY", "sealing" * 8)
    with pytest.raises(Invalid) as refusal:
        load(data=tmp_path, role="engine")
    assert refusal.value.detail.startswith("role: this is one of several processes")
    assert "(it is 'engine')" in refusal.value.detail
    assert "admin" not in refusal.value.detail
    assert "sealing" not in refusal.value.detail


def test_the_value_of_a_setting_that_there_is_none_of_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "offhook.toml").write_text('secret_kye = "never to be shown"')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match=r"secret_kye: .+; the settings are") as refusal:
        load()
    assert "never" not in refusal.value.detail


def test_a_database_that_is_refused_is_the_only_complaint() -> None:
    with pytest.raises(Invalid) as refusal:
        load(database="mysql://db/offhook", role=Role.API)
    assert [each.path for each in refusal.value.errors] == ["database"]
