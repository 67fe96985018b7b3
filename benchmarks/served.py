"""A server in another process, so that only the client's work is counted.

It is cheroot, because werkzeug's own server closes every connection, with a fixed answer, because
the sandbox would work as hard as the client and, on few cores, in its way.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Generator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ANSWER = b'{"id":1,"name":"Example","subdomain":"example","current_user_id":2,"country":"RU"}'


@contextlib.contextmanager
def served(
    certificate: str | None = None, app: WSGIApplication | None = None
) -> Generator[str, None, None]:
    """Run a server while the block runs, over TLS if it has a certificate; give its origin."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(theirs, certificate, app or _answer), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def issue(folder: str) -> str | None:
    """Write a certificate that `requests` trusts from now on; None without trustme."""
    try:
        import trustme
    except ImportError:
        return None
    authority = trustme.CA()
    os.environ["REQUESTS_CA_BUNDLE"] = str(Path(folder, "authority.pem"))
    authority.cert_pem.write_to_path(os.environ["REQUESTS_CA_BUNDLE"])
    certificate = str(Path(folder, "server.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    return certificate


def neutral_environment() -> None:
    """Forget this machine's proxies and authorities: they change what a call costs."""
    ours = {"requests_ca_bundle", "curl_ca_bundle"}
    for name in list(os.environ):
        if name.lower() in ours or name.lower().endswith("_proxy"):
            del os.environ[name]


def _serve(pipe: Pipe, certificate: str | None, app: WSGIApplication) -> None:
    """Be the server's process: tell the port, then serve until killed."""
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", 0), app, numthreads=8)
    server.keep_alive_conn_limit = 10_000
    if certificate is not None:
        server.ssl_adapter = BuiltinSSLAdapter(certificate, certificate)
    server.prepare()
    pipe.send(server.bind_addr[1])
    server.serve()


def _answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    size = str(len(ANSWER))
    start_response("200 OK", [("Content-Type", "application/hal+json"), ("Content-Length", size)])
    return [ANSWER]
