"""A web server on this machine that holds files in memory, breaks off where it is told to, and remembers what it was asked; with or without TLS.

The authority of `tests/data/tls` signed its certificate for photos.test and other.test; both mean nothing but the tests."""

from __future__ import annotations

import email.utils
import hashlib
import io
import re
import ssl
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from alcore.uploads.shelf import Shelf
from tests.house import ROOT

TLS = ROOT / "tests" / "data" / "tls"
AUTHORITY = TLS / "authority.pem"
NAMES = {"photos.test": "127.0.0.1", "other.test": "127.0.0.1"}
TIME = 1_700_000_000  # seconds since 1970: when its files were changed


@dataclass
class Host:
    """What a server holds and how it behaves.

    Attributes:
        files: path -> bytes.
        moved: path -> where it sends on to.
        breaks: path -> after how many bytes of an answer it breaks off; once each.
        status: path -> what it answers instead.
        asked: (path, its Range header or "", status, its Host header), one a request.
        played: path -> what answers instead, with the request's handler.
        careless: whether it goes on with a part whatever the rest was of.
        tags: whether it tells ETags; times: whether it tells when files were changed.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    breaks: dict[str, int] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, int, str]] = field(default_factory=list)
    played: dict[str, Callable[[BaseHTTPRequestHandler], object]] = field(default_factory=dict)
    careless: bool = False
    tags: bool = True
    times: bool = True
    sized: bool = True
    secure: bool = True
    port: int = 0
    connections: int = 0

    def __enter__(self) -> Host:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                host.connections += 1

            def do_GET(self) -> None:
                host.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if self.secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "server.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def at(self, path: str, name: str = "photos.test") -> str:
        """The address of a path."""
        return f"{'https' if self.secure else 'http'}://{name}:{self.port}{path}"

    def paths(self, status: int | None = None) -> list[str]:
        """What was asked for and answered so, sorted."""
        return sorted(path for path, _, code, _ in self.asked if status in (None, code))

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        path = to.path
        if path in self.played:
            self.asked.append((path, to.headers.get("Range", ""), 0, to.headers.get("Host", "")))
            with suppress(OSError):  # whoever asked has gone
                self.played[path](to)
            to.close_connection = True
            return
        headers: dict[str, str] = {}
        content, status = self.files.get(path), 200
        if path in self.moved:
            content, status, headers = b"", 302, {"Location": self.moved[path]}
        elif self.status.get(path):
            content, status = b"", self.status[path].pop(0)
        elif content is None:
            content, status = b"", 404
        else:
            status, content, headers = self.file(to, path, content)
        self.asked.append((path, to.headers.get("Range", ""), status, to.headers.get("Host", "")))
        to.send_response(status)
        if self.sized:
            headers["Content-Length"] = str(len(content))
        else:
            headers["Connection"] = "close"
        for name, value in headers.items():
            to.send_header(name, value)
        to.end_headers()
        cut = self.breaks.pop(path, None) if status in (200, 206) else None
        with suppress(OSError):  # whoever asked has gone
            to.wfile.write(content[:cut])
            to.wfile.flush()
        if cut is not None or not self.sized:
            to.close_connection = True

    def file(self, to: BaseHTTPRequestHandler, path: str, content: bytes) -> tuple[int, bytes, dict[str, str]]:
        tag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"' if self.tags else ""
        time = email.utils.formatdate(TIME, usegmt=True) if self.times else ""
        headers = {"ETag": tag, "Last-Modified": time, "Content-Type": self.kinds.get(path, "application/octet-stream")}
        headers = {name: value for name, value in headers.items() if value}
        if tag and to.headers.get("If-None-Match") == tag:
            return 304, b"", headers
        if not tag and time and to.headers.get("If-Modified-Since") == time:
            return 304, b"", headers
        wanted = re.fullmatch(r"bytes=(\d+)-", to.headers.get("Range", ""))
        if wanted and (self.careless or to.headers.get("If-Range") == (tag or time)):
            start = int(wanted[1])
            return 206, content[start:], headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return 200, content, headers


def folder(host: Host, files: dict[str, bytes]) -> str:
    """Serves files as a folder does; its address."""
    links = "".join(f'<a href="{name}">{name}</a>' for name in files)
    host.files = {"/ds/": links.encode(), **{f"/ds/{name}": content for name, content in files.items()}}
    host.kinds = {"/ds/": "text/html"}
    return host.at("/ds/")


def there(shelf: Shelf, name: str) -> dict[str, bytes]:
    root = shelf.folder / name
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as into:
        for name, content in files.items():
            into.writestr(name, content)
    return made.getvalue()
