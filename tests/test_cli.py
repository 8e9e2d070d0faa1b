"""The command line as its user meets it: what it says, where it says it, and its exit code."""

import hmac
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator

from offhook import __version__
from offhook.__main__ import main
from offhook.demo.processes import clean_environment
from offhook.signing import STANDARD
from offhook.signing.secret import make_secret
from offhook.signing.sign import sign
from offhook.testing.servers.ports import free_port

KEY = "ofh_live_" + "k" * 40
SECRET = make_secret(bytes(range(32)))
NOW_S = 1_795_000_000
BODY = b'{"type":"call.started"}'
MAPPING = {
    "source": {"value": "file"},
    "external_id": {"path": "id", "required": True},
    "started_at": {"path": "at", "timezone": "America/New_York"},
    "talk_s": "talk",
}
GOOD = "7,2026-01-13 10:00:00,60"
BAD = "8,yesterday,-5"


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, what it said, and what it complained of."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in an empty folder, with none of the caller's settings."""
    for name in ("OFFHOOK_URL", "OFFHOOK_KEY", "OFFHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["offhook", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return ran


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a process of its own, on a folder of its own."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "offhook", "serve", "--port", str(port))
    settings = clean_environment({"OFFHOOK_BOOTSTRAP_KEY": KEY})
    with subprocess.Popen(command, cwd=folder, env=settings, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(url)
            yield url
        finally:
            process.terminate()


def wait_until_ready(url: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/readyz").close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


def complaint(ran: Ran) -> str:
    """The one line that a failure is told in."""
    assert ran.code == 1
    assert ran.out == ""
    [line] = ran.err.splitlines()
    assert line.startswith("offhook: ")
    return line


class TestItself:
    def test_the_installed_command_tells_its_version(self) -> None:
        command = Path(sys.executable).with_name("offhook")
        ran = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        assert ran.stdout == f"offhook {__version__}\n"

    @pytest.mark.parametrize("command", ["", "serve", "verify", "import", "replay", "demo"])
    def test_each_command_explains_itself(self, run: Run, command: str) -> None:
        ran = run(*command.split(), "--help")
        assert (ran.code, ran.err) == (0, "")
        assert f"Usage: offhook {command}".strip() in ran.out

    def test_an_unknown_command_is_named(self, run: Run) -> None:
        ran = run("sevre")
        assert ran.code == 2
        assert "sevre" in ran.err

    def test_a_setting_out_of_bounds_is_named_with_its_value(self, run: Run) -> None:
        assert "99999" in complaint(run("serve", "--port", "99999"))


def signed(body: bytes = BODY, *, at_s: int = NOW_S) -> list[str]:
    """The options of ``verify`` for a body that the secret signed."""
    headers = sign(STANDARD, (SECRET,), event_id="evt_1", timestamp_s=at_s, body=body)
    return [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]


@pytest.fixture
def verify(run: Run, tmp_path: Path) -> Run:
    """Runs ``offhook verify`` on a file with the body given."""

    def ran(*options: str, body: bytes = BODY, secret: str = SECRET, now_s: int = NOW_S) -> Ran:
        path = tmp_path / "body.json"
        path.write_bytes(body)
        return run("verify", str(path), "--secret", secret, "--now", str(now_s), *options)

    return ran


class TestVerify:
    def test_a_valid_request(self, verify: Run) -> None:
        ran = verify(*signed(), now_s=NOW_S + 3)
        assert ran == Ran(0, "The signature is valid; it was made 3 s ago.\n", "")

    def test_an_altered_body_is_proved(self, verify: Run) -> None:
        ran = verify(*signed(), body=BODY + b"\n")
        assert ran.code == 1
        assert "a line break was put at its end" in ran.out

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"secret": make_secret(bytes(32))}, "no secret given makes it"),
            ({"body": b"{}"}, "no secret given makes it"),
            ({"now_s": NOW_S + 1_000}, "1000 s old"),
        ],
    )
    def test_what_does_not_verify_is_explained(
        self, verify: Run, given: dict[str, object], reason: str
    ) -> None:
        ran = verify(*signed(), **given)
        assert (ran.code, ran.err) == (1, "")
        assert reason in ran.out

    def test_a_missing_header_is_named(self, verify: Run) -> None:
        ran = verify(*signed()[:2])
        assert ran.code == 1
        assert "webhook-timestamp and webhook-signature are missing" in ran.out

    def test_another_senders_request_with_the_url_that_it_called(self, verify: Run) -> None:
        url = "https://hooks.example.com/in"
        signature = RequestValidator(SECRET).compute_signature(url, {"CallSid": "CA1"})
        options = ("--scheme", "twilio", "-H", f"X-Twilio-Signature: {signature}")
        options += ("-H", "Content-Type: application/x-www-form-urlencoded")
        assert verify(*options, "--url", url, body=b"CallSid=CA1").code == 0
        ran = verify(*options, "--url", "http://hooks.example.com/in", body=b"CallSid=CA1")
        assert ran.code == 1
        assert f"the sender called '{url}'" in ran.out

    def test_a_sender_that_needs_no_header_is_verified_without_one(
        self, run: Run, tmp_path: Path
    ) -> None:
        (tmp_path / "body").write_text(json.dumps({"token": "t0ken"}))
        ran = run("verify", str(tmp_path / "body"), "--scheme", "aircall", "--secret", "t0ken")
        assert (ran.code, ran.err) == (0, "")

    def test_an_option_may_be_none(self, verify: Run) -> None:
        digest = hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
        options = ("-H", f"x-callcall-signature: {digest}", "--scheme", "callcall")
        assert "x-callcall-timestamp is missing" in verify(*options).out
        assert verify(*options, "--option", "timestamp_header=null").code == 0

    def test_what_cannot_be_used_is_said_in_a_line(self, verify: Run) -> None:
        ran = verify(*signed(), "--option", "name=y")
        assert ran.code != 0
        assert "has no option 'name'" in ran.err
        ran = verify(*signed(), "-H", "webhook-id: e\udcff")
        assert (ran.code, ran.err) == (1, "")
        assert "header 'webhook-id' is not text in UTF-8" in ran.out

    def test_an_option_of_a_preset(self, verify: Run) -> None:
        digest = hmac.digest(SECRET.encode(), BODY, "sha256").hex()
        options = ("--scheme", "unlimcall", "-H", f"X-Hook: {digest}")
        assert verify(*options, "--option", "header=x-hook").code == 0
        assert "x-unlimcall-signature is missing" in verify(*options).out

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("--scheme", "twillio"), "twilio"),
            (("--scheme", "twilio", "--option", "header=x"), "header"),
            (("--scheme", "unlimcall", "--option", "header"), "has no value"),
        ],
    )
    def test_a_preset_that_cannot_be_meant_is_one_clear_line(
        self, verify: Run, options: tuple[str, ...], told: str
    ) -> None:
        assert told in complaint(verify(*options, "-H", "a: b"))

    @pytest.mark.parametrize(("body", "code"), [(BODY, 0), (b"{}", 1)])
    def test_json_for_programs(self, verify: Run, body: bytes, code: int) -> None:
        ran = verify(*signed(), "--json", body=body)
        told = json.loads(ran.out)
        assert (ran.code, told["valid"]) == (code, code == 0)
        assert set(told) == {"valid", "reason", "explanation", "skew_s"}

    def test_the_secret_may_come_from_the_environment(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("body").write_bytes(BODY)
        monkeypatch.setenv("OFFHOOK_SECRET", SECRET)
        assert run("verify", "body", "--now", str(NOW_S), *signed()).code == 0

    def test_scheme_none_needs_no_secret(self, run: Run) -> None:
        Path("body").write_bytes(BODY)
        assert run("verify", "body", "--scheme", "none", "-H", "a: b").code == 0

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("nowhere", "--secret", SECRET, "-H", "a: b"), "nowhere"),
            (("body", "-H", "a: b"), "OFFHOOK_SECRET"),
            (("body", "--secret", SECRET, "-H", "webhook-id"), "'webhook-id' is no header"),
            (("body", "--secret", SECRET, "-H", "a: b", "--prefix", "x-a"), "timestamped-hex"),
            (
                ("body", "--secret", "s", "-H", "a: b", "--scheme=timestamped-hex", "--prefix=X Y"),
                "'X Y'",
            ),
        ],
    )
    def test_what_cannot_be_checked_is_one_clear_line(
        self, run: Run, arguments: tuple[str, ...], told: str
    ) -> None:
        Path("body").write_bytes(BODY)
        assert told in complaint(run("verify", *arguments))


@pytest.fixture
def files(tmp_path: Path, run: Run) -> Callable[..., None]:
    """Writes ``calls.csv`` and ``mapping.json`` where the command runs."""

    def write(*rows: str, mapping: object = MAPPING) -> None:
        (tmp_path / "calls.csv").write_text("\n".join(["id,at,talk", *rows]))
        (tmp_path / "mapping.json").write_text(json.dumps(mapping))

    return write


ImportFile = Callable[..., Ran]


@pytest.fixture
def import_(run: Run, server: str) -> ImportFile:
    """Runs ``offhook import`` against the server."""

    def ran(*options: str, key: str = KEY, url: str = server, file: str = "calls.csv") -> Ran:
        stated = ("--mapping", "mapping.json", "--url", url, "--key", key)
        return run("import", file, *stated, *options)

    return ran


class TestImport:
    def test_a_file_is_taken_once(self, import_: ImportFile, files: Callable[..., None]) -> None:
        files(GOOD)
        first, again = import_(), import_()
        assert first == Ran(0, "1 rows read: 1 new, 0 known already, 0 rejected\n", "")
        assert again == Ran(0, "1 rows read: 0 new, 1 known already, 0 rejected\n", "")

    def test_rejected_rows_are_told_with_their_reasons(
        self, import_: ImportFile, files: Callable[..., None], tmp_path: Path
    ) -> None:
        files(GOOD.replace("7", "17", 1), BAD)
        ran = import_("--rejects", "rejects.csv")
        assert (ran.code, ran.err) == (1, "")
        assert ran.out.splitlines() == [
            "2 rows read: 1 new, 0 known already, 1 rejected",
            "row 3, at = 'yesterday': started_at: is not in the format iso8601",
            "row 3, talk = '-5': talk_s: is a negative duration",
        ]
        [header, rejected] = (tmp_path / "rejects.csv").read_text().splitlines()
        assert header == "row,column,reason,id,at,talk"
        assert rejected.endswith(f",{BAD}")

    def test_many_rejected_rows_are_not_all_listed(
        self, import_: ImportFile, files: Callable[..., None]
    ) -> None:
        files(*(f"{n},yesterday,1" for n in range(30)))
        lines = import_().out.splitlines()
        assert len(lines) == 22
        assert "--rejects" in lines[-1]

    def test_json_for_programs(self, import_: ImportFile, files: Callable[..., None]) -> None:
        files(GOOD.replace("7", "27", 1), BAD)
        ran = import_("--json")
        told = json.loads(ran.out)
        assert (ran.code, ran.err) == (1, "")
        assert (told["rows_read"], told["new"], told["rejected"]) == (2, 1, 1)
        assert told["rejections"][0]["row"] == 3

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"file": "nowhere.csv"}, "nowhere.csv"),
            ({"key": "wrong"}, "401"),
            ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
            ({"url": "nonsense"}, "'nonsense' is no URL"),
        ],
    )
    def test_what_is_in_the_way_is_one_clear_line(
        self,
        import_: ImportFile,
        files: Callable[..., None],
        options: dict[str, str],
        told: str,
    ) -> None:
        files(GOOD)
        assert told in complaint(import_(**options))

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("--mapping", "nowhere.json"), "nowhere.json"),
            (("--mapping", "calls.csv"), "calls.csv is not JSON"),
            (("--rejects", "calls.csv"), "being imported"),
            (("--rejects", "nowhere/rejects.csv"), "nowhere/rejects.csv"),
            (("--timezone", "Mars/Base"), '"Mars/Base" is no IANA time zone'),
            (("--region", "XX"), '"XX" is no country'),
        ],
    )
    def test_an_option_that_cannot_be_used_is_named(
        self,
        import_: ImportFile,
        files: Callable[..., None],
        options: tuple[str, ...],
        told: str,
    ) -> None:
        files(GOOD)
        assert told in complaint(import_(*options))

    def test_every_fault_of_a_mapping_is_in_the_line(
        self, import_: ImportFile, files: Callable[..., None]
    ) -> None:
        files(GOOD, mapping={"source": {"value": "f"}, "talk_s": "tlak", "external_id": "id"})
        assert 'no column "tlak"; did you mean "talk"?' in complaint(import_())
        files(GOOD, mapping={"sorce": {"value": "f"}, "talk_x": "talk"})
        line = complaint(import_())
        assert "mapping.sorce" in line
        assert "mapping.talk_x" in line

    def test_without_a_key_it_says_where_to_give_one(
        self, run: Run, files: Callable[..., None]
    ) -> None:
        files(GOOD)
        line = complaint(run("import", "calls.csv", "--mapping", "mapping.json"))
        assert "OFFHOOK_KEY" in line
        line = complaint(run("import", "calls.csv", "--mapping", "mapping.json", "--key", "k\r"))
        assert "a line break" in line


def test_ctrl_c_while_the_command_is_still_imported_ends_it_without_a_word() -> None:
    interrupted = """
import runpy, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "offhook.settings":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
runpy.run_module("offhook", run_name="__main__")
"""
    ended = subprocess.run(
        (sys.executable, "-c", interrupted), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
