"""Speaking to a NetBox: its REST API through pynetbox, over verified TLS, with every failure as a coded mistake."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pynetbox
import requests
from requests.adapters import HTTPAdapter

from core.errors import Place
from core.refusals import say_refusal
from inventory.model.diagnostics import mistake
from inventory.netbox.kinds import ObjectKind

TOKEN_VARIABLE = "RACKPROOF_NETBOX_TOKEN"  # noqa: S105 - the name of a variable
CONNECT_S, READ_S = 10.0, 180.0
#: Objects a request: one fails or succeeds as a whole, and a person sees progress every few seconds.
BATCH, PAGE = 100, 1000
MAJOR = 4
_LOOPBACK_NAMES = ("localhost", "ip6-localhost")
_STATUS = "status"
_CODES = {401: "EST065", 403: "EST066", 404: "EST067"}


class _Deadline(HTTPAdapter):
    """Gives every request a deadline: without one a silent server would hold us for ever."""

    def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return super().send(request, **(kwargs | {"timeout": (CONNECT_S, READ_S)}))


@dataclass(frozen=True, slots=True)
class Client:
    """One NetBox. Every method raises RackproofError (EST062 to EST071) when it does not answer as a NetBox does."""

    api: Any
    place: Place

    def fetch(self, kind: ObjectKind) -> list[dict[str, Any]]:
        """Return every object of a kind with the fields we know, in the order of creation."""
        names = {"id", *kind.holds, *kind.also}
        names.update(*(field.api_names for field in kind.fields))
        if kind.tagged:
            names.add("tags")
        with self._spoken(kind.path):
            found = self._endpoint(kind).filter(limit=PAGE, ordering="id", fields=",".join(sorted(names)))
            return [dict(record) for record in found]

    def create(self, kind: ObjectKind, made: Sequence[dict[str, Any]]) -> list[int]:
        """Create objects, all or none; return their ids in the same order."""
        with self._spoken(kind.path):
            return [int(record.id) for record in self._endpoint(kind).create(list(made))]

    def change(self, kind: ObjectKind, changed: Sequence[dict[str, Any]]) -> None:
        """Change objects by id, all or none."""
        with self._spoken(kind.path):
            self._endpoint(kind).update(list(changed))

    def delete(self, kind: ObjectKind, ids: Sequence[int]) -> None:
        """Delete objects by id, all or none."""
        with self._spoken(kind.path):
            self._endpoint(kind).delete(list(ids))

    def _endpoint(self, kind: ObjectKind) -> Any:
        app, name = kind.path.split("/")
        return getattr(getattr(self.api, app), name.replace("-", "_"))

    @contextmanager
    def _spoken(self, path: str) -> Iterator[None]:
        try:
            yield
        except pynetbox.RequestError as error:
            status = error.req.status_code
            otherwise = "EST068" if status >= 500 else "EST069"
            code = _CODES.get(status, otherwise)
            if (path, status) == (_STATUS, 403):
                code = "EST065"  # NetBox's way to say that the token itself is not good; anyone's may ask for this
            raise mistake(code, self.place, path=path, status=status, reason=_reason(error)) from None
        except (pynetbox.ContentError, requests.exceptions.JSONDecodeError, requests.exceptions.TooManyRedirects):
            raise mistake("EST070", self.place) from None
        except requests.exceptions.SSLError as error:
            raise mistake("EST064", self.place, reason=_root(error)) from None
        except requests.exceptions.Timeout:
            raise mistake("EST063", self.place, seconds=int(READ_S)) from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise mistake("EST062", self.place, reason=_root(error)) from None


def connect(url: str, token: str, ca: Path | None = None) -> Client:
    """Return a client of the NetBox at ``url`` after asking what it is.

    Raises RackproofError: EST060 no usable address, EST061 not https, EST073 no such CA file, EST062 to EST071 it does
    not answer as a NetBox of the supported major version does.
    """
    parts = _address(url)
    session = requests.Session()
    # Neither .netrc nor a proxy of the environment: the first would replace our token, the second see where it goes.
    session.trust_env = False
    session.max_redirects = 0
    session.adapters.clear()  # https stays https, also for the next page that NetBox names
    session.mount(f"{parts.scheme}://", _Deadline())
    place = Place(Path(parts.netloc))
    if ca is not None:
        try:
            ssl.create_default_context(cafile=str(ca))
        except OSError:  # not there, not readable, or no certificates in it
            raise mistake("EST073", Place(ca)) from None
        session.verify = str(ca)
    api = pynetbox.api(url.rstrip("/"), token=token)
    api.http_session = session
    client = Client(api, place)
    with client._spoken(_STATUS):  # noqa: SLF001 - of the class above
        status = api.status()
    version = str(status.get("netbox-version", "")) if isinstance(status, dict) else ""
    if not version:
        raise mistake("EST070", place)
    if version.split(".")[0] != str(MAJOR):
        raise mistake("EST071", place, actual=version, major=MAJOR)
    return client


def read_token(file: Path | None) -> str:
    """Return the API token from a file only its owner can read, or from ``RACKPROOF_NETBOX_TOKEN``.

    Raises RackproofError: EST072 there is none, EST074 the file is open to others, EST075 it cannot be read.
    """
    if file is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
    else:
        try:
            with file.open(encoding="utf-8") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
                    raise mistake("EST074", Place(file), actual=f"{stat.S_IMODE(mode):04o}")
                token = stream.read(1024).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = say_refusal(error) if isinstance(error, OSError) else type(error).__name__
            raise mistake("EST075", Place(file), reason=reason) from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise mistake("EST072", Place(file or Path(TOKEN_VARIABLE)), variable=TOKEN_VARIABLE)
    return token


def _address(url: str) -> Any:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise mistake("EST060", Place(Path("--url"))) from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise mistake("EST060", Place(Path("--url")))  # it is not repeated: it may hold a password
    if parts.scheme == "http" and not _is_loopback(host):
        raise mistake("EST061", Place(Path(parts.netloc)))
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _reason(error: pynetbox.RequestError) -> str:
    """Return what NetBox says, at most a few lines of it, with the objects it has nothing against left out."""
    try:
        said = error.req.json()
    except ValueError:
        return str(error.req.reason)
    items = said if isinstance(said, list) else [said]
    return "; ".join(str(item) for item in items if item)[:400]


def _root(error: BaseException) -> str:
    """Return the innermost reason of a failed connection, without the address that was asked for."""
    seen: Any = error
    while (inner := seen.__cause__ or seen.__context__ or getattr(seen, "reason", None)) and isinstance(
        inner, BaseException
    ):
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return say_refusal(seen)
    return str(getattr(seen, "verify_message", None) or type(seen).__name__)
