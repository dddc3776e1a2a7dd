"""Every way a NetBox can fail to be one: a code, an exit code, and never the token. Real sockets, no NetBox needed."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import RackproofError
from inventory.netbox import client
from inventory.netbox.kinds import BY_PATH
from rackproof import run
from tests.support import POLL_S, require

Serve = Callable[..., str]

TOKEN = "nbt_secretsecret.cGxlYXNlLWtlZXAtbWU"
STATUS = json.dumps({"netbox-version": "4.7.3"})


class PretendServer(ThreadingHTTPServer):
    answers: dict[str, tuple[int, str] | None]


class Pretender(BaseHTTPRequestHandler):
    """Answers /api/status/ and everything else as the server it belongs to says."""

    def do_GET(self) -> None:
        assert isinstance(self.server, PretendServer)
        status, body = require(self.server.answers["status" if "/status/" in self.path else "other"])
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "https://elsewhere.invalid/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start(
        status: tuple[int, str] = (200, STATUS),
        other: tuple[int, str] | None = (200, '{"count": 0, "next": null, "results": []}'),
        context: ssl.SSLContext | None = None,
    ) -> str:
        server = PretendServer(("127.0.0.1", 0), Pretender)
        server.answers = {"status": status, "other": other}
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
        servers.append(server)
        return f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    return file


FAILURES = {
    # name: (answer to status, answer to the rest, code, exit code)
    "token unknown": ((403, '{"detail": "Invalid v2 token"}'), None, "EST065", 7),
    "not authenticated": ((401, '{"detail": "no"}'), None, "EST065", 7),
    "nothing there": ((404, "<html>no</html>"), None, "EST067", 2),
    "broken": ((500, '{"error": "boom"}'), None, "EST068", 4),
    "gateway": ((502, "<html>bad gateway</html>"), None, "EST068", 4),
    "a web page": ((200, "<html>hello</html>"), None, "EST070", 2),
    "other JSON": ((200, '{"hello": 1}'), None, "EST070", 2),
    "a list": ((200, "[]"), None, "EST070", 2),
    "redirect": ((302, ""), None, "EST070", 2),
    "too old": ((200, '{"netbox-version": "3.7.8"}'), None, "EST071", 6),
    "too new": ((200, '{"netbox-version": "5.0.0"}'), None, "EST071", 6),
    "no permission": ((200, STATUS), (403, '{"detail": "You do not have permission"}'), "EST066", 7),
    "broken later": ((200, STATUS), (500, "{}"), "EST068", 4),
    "refused later": ((200, STATUS), (400, '{"detail": "bad filter"}'), "EST069", 6),
    "a web page later": ((200, STATUS), (200, "<html>login</html>"), "EST070", 2),
}


@pytest.mark.parametrize("lang", ["en", "vi"])
@pytest.mark.parametrize(("status", "other", "code", "exit_code"), FAILURES.values(), ids=FAILURES)
def test_failures_have_codes(
    status: tuple[int, str],
    other: tuple[int, str] | None,
    code: str,
    exit_code: int,
    lang: str,
    serve: Serve,
    token: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RACKPROOF_ESTATE", "")
    monkeypatch.setenv("RACKPROOF_LANG", lang)
    url = serve(status, other) if other else serve(status)
    said = run(
        [
            "--estate",
            "lab/estate",
            "--lang",
            lang,
            "estate",
            "netbox",
            "plan",
            "--url",
            url,
            "--token-file",
            str(token),
            "--json",
        ]
    )
    shown = capsys.readouterr()
    assert json.loads(shown.out)["errors"][0]["code"] == code
    assert json.loads(shown.out)["errors"][0]["remedy"]
    assert said == exit_code
    assert TOKEN.split(".")[1] not in shown.out + shown.err


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


ADDRESSES = {
    "http://netbox.example.vn": ("EST061", 2),
    "http://10.0.0.1:8000/": ("EST061", 2),
    "ftp://netbox.example.vn": ("EST060", 2),
    "https://user:secretsecret@netbox.example.vn": ("EST060", 2),
    "https://netbox.example.vn:port/": ("EST060", 2),
    "netbox.example.vn": ("EST060", 2),
    "https://": ("EST060", 2),
    f"https://127.0.0.1:{closed_port()}": ("EST062", 4),
    f"http://[::1]:{closed_port()}": ("EST062", 4),
    "https://netbox.invalid": ("EST062", 4),
}


STABLE = [re.sub(r":\d+$", ":closed", url) for url in ADDRESSES]


@pytest.mark.parametrize(("url", "wanted"), ADDRESSES.items(), ids=STABLE)
def test_addresses(url: str, wanted: tuple[str, int]) -> None:
    with pytest.raises(RackproofError) as caught:
        client.connect(url, TOKEN)
    assert (caught.value.code, caught.value.exit_code) == wanted
    assert "secretsecret" not in str(caught.value)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RackproofError) as caught:
        client.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN)
    assert (caught.value.code, caught.value.exit_code) == ("EST063", 4)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "netbox")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


def test_tls_is_verified(serve: Serve, certificate: tuple[Path, ssl.SSLContext], tmp_path: Path) -> None:
    file, context = certificate
    url = serve(context=context)
    with pytest.raises(RackproofError) as caught:
        client.connect(url, TOKEN)
    assert (caught.value.code, caught.value.exit_code) == ("EST064", 7)
    assert client.connect(url, TOKEN, file).fetch(BY_PATH["dcim/sites"]) == []
    with pytest.raises(RackproofError) as caught:
        client.connect(url, TOKEN, tmp_path / "none.pem")
    assert caught.value.code == "EST073"
    (tmp_path / "bad.pem").write_text("not PEM")
    with pytest.raises(RackproofError) as caught:
        client.connect(url, TOKEN, tmp_path / "bad.pem")
    assert caught.value.code == "EST073"


def test_the_next_page_cannot_lead_from_tls_to_plain(serve: Serve, certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, context = certificate
    plain = serve()
    page = json.dumps({"count": 2, "next": f"{plain}/api/dcim/sites/?offset=1", "results": [{"id": 1}]})
    with pytest.raises(RackproofError) as caught:
        client.connect(serve(other=(200, page), context=context), TOKEN, file).fetch(BY_PATH["dcim/sites"])
    assert caught.value.code == "EST062"


def test_neither_netrc_nor_a_proxy_sees_the_token(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert client.connect(serve(), TOKEN).fetch(BY_PATH["dcim/sites"]) == []


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (TOKEN, 0o640, "EST074"),
        (TOKEN, 0o604, "EST074"),
        ("", 0o600, "EST072"),
        ("two words", 0o600, "EST072"),
        ("khóa", 0o600, "EST072"),
        (None, 0, "EST075"),
        (TOKEN, 0o600, None),
        (TOKEN, 0o400, None),
    ],
)
def test_token_files(text: str | None, mode: int, code: str | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    if code is None:
        assert client.read_token(file) == TOKEN
        return
    with pytest.raises(RackproofError) as caught:
        client.read_token(file)
    assert caught.value.code == code
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("value", [TOKEN, None])
def test_a_token_of_the_environment(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(client.TOKEN_VARIABLE, raising=False)
    if value:
        monkeypatch.setenv(client.TOKEN_VARIABLE, value)
        assert client.read_token(None) == TOKEN
    else:
        with pytest.raises(RackproofError) as caught:
            client.read_token(None)
        assert caught.value.code == "EST072"


def test_a_new_plan_is_refused_with_its_own_code(
    serve: Serve, token: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKPROOF_ESTATE", "")
    code = run(
        [
            "--estate",
            "lab/estate",
            "estate",
            "netbox",
            "push",
            "--url",
            serve(),
            "--token-file",
            str(token),
            "--approve",
            "000000000000",
            "--json",
        ]
    )
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "EST079"
    assert code == 6


def test_every_code_of_netbox_has_a_test() -> None:
    from core.errors.table import read_table

    written = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in read_table("EST") if "EST060" <= code <= "EST079" and code not in written] == []
