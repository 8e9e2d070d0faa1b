"""Phone numbers to E.164, strictly."""

import re
from functools import lru_cache

import phonenumbers

from offhook.mapping.reading import CannotRead, Reader, as_text

_ALIAS = re.compile(r"(?<=\d)\s*\([^()]*[^\W\d_][^()]*\)$")
_SHAPE = re.compile(r"\+?[\d\s().\-/]{3,40}", re.ASCII)
_NANP = re.compile(r"[2-9]\d{2}[2-9]\d{6}", re.ASCII)
_INTERNAL = re.compile(r"(?:sips?:\S{1,200}|\d{1,6}|[*#]\d{1,6})", re.ASCII | re.IGNORECASE)


def internal(text: str) -> bool:
    """Whether the text is an extension, a short code or a SIP address: a party, but no number."""
    return _INTERNAL.fullmatch(text) is not None


def phone(region: str | None) -> Reader:
    """A reader of phone numbers. Without a country code a number is one of ``region`` (ISO 3166,
    two letters). A label after the number, ``+1202... (Sales)``, is dropped."""

    def read(value: object) -> str:
        return _e164(as_text(value), region)

    return read


@lru_cache(maxsize=65_536)
def _e164(text: str, region: str | None) -> str:
    bare = _ALIAS.sub("", text)
    if not _SHAPE.fullmatch(bare):
        raise CannotRead(text, "is not a phone number")
    if region is None and not bare.startswith("+"):
        raise CannotRead(text, 'has no country code, and the mapping names no "region"')
    try:
        number = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        raise CannotRead(text, "is not a phone number") from None
    if not _dialable(number):
        raise CannotRead(text, "is not a complete phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _dialable(number: phonenumbers.PhoneNumber) -> bool:
    if number.country_code == 1:
        return _NANP.fullmatch(str(number.national_number)) is not None
    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)
