"""What is sealed is opened only in its place, by its key, unchanged."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.model.errors import OffhookError
from offhook.store.keyring import Keyring, new_key, read_keys
from offhook.store.sealing import CannotOpen, Sealer, SealingKey

OLD, NEW = (SealingKey.of(letter * 40) for letter in "on")


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_is_sealed_is_another_text_each_time_and_opens_to_the_same(
    value: bytes, place: str
) -> None:
    sealer = Sealer([OLD])
    one, two = sealer.seal(value, place), sealer.seal(value, place)
    assert one != two
    assert sealer.open(one, place) == sealer.open(two, place) == value


@given(st.binary(min_size=8, max_size=60))
def test_nothing_of_the_value_is_in_what_is_stored(value: bytes) -> None:
    sealed = Sealer([OLD]).seal(value, "secret of wh_a")
    assert value not in sealed.encode()
    assert "o" * 40 not in sealed


def test_a_value_in_another_row_is_not_opened() -> None:
    sealed = Sealer([OLD]).seal(b"value", "secret of wh_a")
    with pytest.raises(CannotOpen, match="changed or moved"):
        Sealer([OLD]).open(sealed, "secret of wh_b")


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_value_is_not_opened(at: int, by: int) -> None:
    sealed = bytearray(Sealer([OLD]).seal(b"value", "place").encode())
    sealed[at % len(sealed)] ^= by
    try:
        opened = Sealer([OLD]).open(sealed.decode("latin-1"), "place")
    except CannotOpen:
        return
    assert opened == b"value", "a bit of base64's padding may say nothing"


def test_the_first_key_seals_and_all_open() -> None:
    before = Sealer([OLD]).seal(b"value", "place")
    both = Sealer([NEW, OLD])
    after = both.seal(b"value", "place")
    assert both.open(before, "place") == both.open(after, "place") == b"value"
    assert Sealer([NEW]).open(after, "place") == b"value"
    with pytest.raises(CannotOpen, match=f"key {OLD.fingerprint}, which is not here"):
        Sealer([NEW]).open(before, "place")


def test_what_was_never_sealed_is_not_taken_for_it() -> None:
    with pytest.raises(CannotOpen, match="not sealed"):
        Sealer([OLD]).open("whsec_in_the_clear", "place")


def test_keys_are_read_with_commas_between_and_short_ones_refused() -> None:
    assert read_keys(f" {'a' * 32} ,{'b' * 40},") == ("a" * 32, "b" * 40)
    for text in ("", " , ", "short", f"{'a' * 32},short"):
        with pytest.raises(ValueError, match="32 or more"):
            read_keys(text)


def test_the_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    [key] = Keyring.in_folder(folder).made()
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600
    assert Keyring.in_folder(folder).made() == (key,)
    assert [path.name for path in folder.iterdir()] == ["secret.key"]
    assert len(key) == 64


def test_where_no_file_can_be_made_a_key_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(OffhookError, match=r"Read-only file system.*set OFFHOOK_SECRET_KEY"):
        Keyring.in_folder(tmp_path).made()


def test_a_given_key_makes_no_file(tmp_path: Path) -> None:
    ring = Keyring.in_folder(tmp_path, ["k" * 32])
    assert ring.made() == ("k" * 32,)
    assert list(tmp_path.iterdir()) == []


def test_another_key_than_that_of_the_secrets_is_refused_by_where_it_was_found(
    tmp_path: Path,
) -> None:
    sealed_with = OLD.fingerprint
    given = Keyring(("n" * 40,))
    for ring, why in (
        (given, f"OFFHOOK_SECRET_KEY has another one .{NEW.fingerprint}"),
        (Keyring.in_folder(tmp_path), "there is none in .*secret.key"),
        (Keyring(), "none is given"),
    ):
        with pytest.raises(OffhookError, match=why) as refusal:
            ring.sealer(sealed_with)
        assert sealed_with in refusal.value.detail
        assert "n" * 40 not in refusal.value.detail
    assert list(tmp_path.iterdir()) == [], "no key was made that opens nothing"


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short\n")
    with pytest.raises(OffhookError, match=r"secret\.key cannot be used"):
        Keyring.in_folder(tmp_path).read()


def test_a_new_key_is_never_the_same_and_never_shown() -> None:
    one = new_key()
    assert one != new_key()
    assert one not in repr(Keyring((one,)))
    assert one not in repr(SealingKey.of(one))
