"""The verb `serve`: the app under uvicorn, the address to open it at, and who is asked to sign in. Knows no page."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from alcore.door.hosts import WILDCARDS, is_loopback, listed_hosts
from alcore.errors import BadInput
from alcore.uploads import reach
from alcore.uploads.roots import VARIABLE

ROOT = Path(__file__).resolve().parents[2]
SHORT = 16  # characters; a token of less can be guessed


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    verb.add_argument("--port", type=int, default=8501)
    verb.add_argument("--host", default="127.0.0.1", help="address to listen at; anything but a loopback address asks for a sign-in")
    verb.add_argument(
        "--data-root", action="append", metavar="FOLDER",
        help="a folder that pages may import from, with all below it; several are allowed. Without it every folder on a loopback address "
        "where nobody signs in, else none but the uploads",
    )  # fmt: skip
    verb.add_argument(
        "--remote", action="append", metavar="HOST",
        help="a host that pages may fetch from though it is in this network or speaks only http, or a bucket (s3://bucket) that they "
        "may read with this server's rights; several are allowed. Without it pages fetch from public hosts by https",
    )  # fmt: skip
    asked = verb.add_mutually_exclusive_group()
    asked.add_argument("--sign-in", action="store_true", help="ask for a sign-in on a loopback address too, as one wants behind a proxy")
    asked.add_argument("--insecure", action="store_true", help="ask nobody to sign in, whoever can reach the address")


def run(args: argparse.Namespace) -> int:
    """Serves the app until it is stopped. What would keep it from serving is said before it starts.

    Raises:
        AlcoreError: the address, the workspace or the settings cannot be used.
    """
    import uvicorn

    from alcore.accounts.asking import wanted
    from alcore.project.facade import shared

    listed_hosts(os.environ.get("ALCORE_HOSTS", ""))
    if args.home:
        os.environ["ALCORE_HOME"] = str(Path(args.home).absolute())
    if args.sign_in or args.insecure:
        os.environ["ALCORE_SIGN_IN"] = "1" if args.sign_in else "0"
    elif wanted() is False and not is_loopback(args.host):
        raise BadInput(f"ALCORE_SIGN_IN=0 with --host {args.host} lets everybody in: unset it, or say --insecure if that is what you want")
    os.environ["ALCORE_BIND"] = args.host
    if args.data_root:
        os.environ[VARIABLE] = os.pathsep.join(_checked_roots(args.data_root))
    if args.remote:
        os.environ[reach.VARIABLE] = ",".join(args.remote)
    reach.allowed()  # what cannot be meant is told here
    confine(args.host)
    _check_free(args.host, args.port)
    workspace = shared()  # one that cannot be opened or written is told here
    workspace.database.check_writable()
    token = workspace.token  # its file is there from the first start
    asks = wanted() if wanted() is not None else not is_loopback(args.host)
    accounts = workspace.accounts.are_asked()
    if accounts:
        os.environ.setdefault(VARIABLE, "")
    for line in announced(args.host, args.port, token if asks and not accounts else "", accounts):
        print(line, file=sys.stderr)
    os.chdir(ROOT)  # Streamlit reads .streamlit/config.toml from here
    sys.path.insert(0, str(ROOT))
    # Streamlit's own listener holds each answer back for 44 ms (Nagle), uvicorn's does not.
    uvicorn.run("app:app", host=args.host, port=args.port, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    return 0


def confine(bound: str) -> None:
    """Where nobody has said which folders pages may read: all of them when this server is the user's own, none but the uploads when others
    can reach it, or will through a proxy that asks for a sign-in.

    Args:
        bound: the address the server is bound to; "" when nobody knows.
    """
    from alcore.accounts.asking import wanted

    if not is_loopback(bound) or wanted():
        os.environ.setdefault(VARIABLE, "")


def _checked_roots(given: Sequence[str]) -> list[str]:
    folders = [Path(one).expanduser().absolute() for one in given]
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"--data-root {folder} is no folder: name one that is there")
        if os.pathsep in str(folder):
            raise BadInput(f"--data-root {folder}: a name with {os.pathsep!r} in it cannot be taken; name the folder above it")
    return [str(folder) for folder in folders]


def announced(host: str, port: int, token: str, accounts: bool = False) -> Sequence[str]:
    """What is said at the start: where the app is, as a link that signs in when there is a token, and what one should know of it."""
    base = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    below = f"/{base}/" if base else "/" if token else ""
    link = f"{below}?token={quote(token, safe='')}" if token else below
    names = ["localhost"] if host in WILDCARDS or host == "127.0.0.1" else [host]
    if host in WILDCARDS and (own := own_address()):
        names.append(own)
    lines = [f"alcore is at {' or '.join(f'http://{_in_link(name)}:{port}{link}' for name in names)}"]
    if accounts:
        lines.append("People sign in with their accounts (python -m alcore account list).")
    elif token:
        lines.append("The link signs a browser in; whoever has it can see and change every project.")
        if len(token) < SHORT:
            lines.append(f"ALCORE_TOKEN has {len(token)} characters and can be guessed: take {SHORT} or more.")
    elif not is_loopback(host):
        lines.append(f"Nobody is asked to sign in (--insecure): whoever reaches {host}:{port} can see and change every project.")
    elif any(not is_loopback(name) for name, _ in listed_hosts(os.environ.get("ALCORE_HOSTS", ""))):
        lines.append("Nobody is asked to sign in. If a proxy stands in front (ALCORE_HOSTS is set), --sign-in asks for the token.")
    return lines


def _in_link(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def own_address() -> str | None:
    """The address other machines know this one by; found by the route to a far address, to which nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            own = str(probe.getsockname()[0])
    except OSError:  # no network
        return None
    return None if ipaddress.ip_address(own).is_loopback else own


def _check_free(host: str, port: int) -> None:
    if not 0 <= port <= 65_535:
        raise BadInput(f"--port {port}: ports go from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as wrong:
        raise BadInput(f"{host}:{port} cannot be listened at: {wrong.strerror}. Choose another --port or --host.") from wrong
