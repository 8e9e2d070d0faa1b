"""The check-up says whether the secrets can be opened, and who else could."""

from dataclasses import replace
from pathlib import Path

import pytest

from offhook.doctor.configuration import stated
from offhook.doctor.examination import examine
from offhook.doctor.findings import Finding, Status
from offhook.doctor.secret_rules import SecretFacts, judge_secrets
from offhook.settings import Settings, load
from offhook.store.keyring import FILE
from offhook.store.sqlite import open_sqlite
from offhook.testing.clock import FakeClock

GOOD = SecretFacts("aaa", 0, ("aaa",), "/data/secret.key", 0o600)


@pytest.mark.parametrize(
    ("facts", "status", "says"),
    [
        (GOOD, Status.OK, "sealed with the key aaa in /data/secret.key"),
        (replace(GOOD, file=None, mode=None), Status.OK, "in OFFHOOK_SECRET_KEY"),
        (replace(GOOD, mode=0o640), Status.WARN, "0640: others may read the key"),
        (replace(GOOD, sealed_with=None), Status.WARN, "stand in the clear"),
        (replace(GOOD, keys=("bbb",)), Status.FAIL, "aaa, which is not in /data/secret.key"),
        (replace(GOOD, keys=()), Status.FAIL, "aaa, which is not in"),
        (replace(GOOD, keys=("bbb", "aaa")), Status.WARN, "new ones are with bbb"),
        (replace(GOOD, others=2), Status.WARN, "2 are sealed with another key than aaa"),
        (replace(GOOD, unreadable="it is torn"), Status.FAIL, "it is torn"),
    ],
)
def test_each_state_has_its_finding_and_remedy(
    facts: SecretFacts, status: Status, says: str
) -> None:
    found = judge_secrets(facts)
    assert (found.name, found.status) == ("secrets", status)
    assert says in found.what
    assert (found.remedy is None) == (status is Status.OK)


async def secrets_finding(settings: Settings) -> Finding:
    findings = await examine(settings, stated(settings, frozenset()))
    [found] = [it for it in findings if it.name == "secrets"]
    return found


async def test_a_folder_with_its_key_is_well_and_without_it_is_lost(tmp_path: Path) -> None:
    await open_sqlite(tmp_path, clock=FakeClock()).close()
    key = tmp_path / FILE
    assert (await secrets_finding(load(data=tmp_path))).status is Status.OK
    key.chmod(0o644)
    assert (await secrets_finding(load(data=tmp_path))).status is Status.WARN
    key.unlink()
    assert (await secrets_finding(load(data=tmp_path))).status is Status.FAIL
    assert not key.exists(), "the check-up makes no key"
    other = await secrets_finding(load(data=tmp_path, secret_key="x" * 40))
    assert "OFFHOOK_SECRET_KEY" in other.what
    assert "x" * 40 not in str(other)
