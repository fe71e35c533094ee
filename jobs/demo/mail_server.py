"""A mail server for a moment: it takes what it is given, keeps nothing, and may know one address no more."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from jobs.installation import Installation
from jobs.notification import mailer, notices


def send_notices(installation: Installation, *, refuses: str = "nobody@invalid") -> None:
    """Afterwards the notices so far have left, all but those to that address; the officers are to know of it."""
    with _mail_server(refuses) as port:
        mail = installation.settings.mail.model_copy(update={"host": "127.0.0.1", "port": port})
        sending = replace(installation, settings=installation.settings.model_copy(update={"mail": mail}))
        while mailer.deliver_due(sending):
            pass
    notices.run_due(installation)


class _Answering(socketserver.StreamRequestHandler):
    """One connection, as much of SMTP (RFC 5321) as a client needs that only wants to be rid of its mail."""

    server: "_Server"

    def handle(self) -> None:
        self._say("220 localhost")
        while line := self.rfile.readline():
            self._answer(line.decode("utf-8", "replace").strip())

    def _answer(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        if verb == "DATA":
            self._say("354 go on")
            while self.rfile.readline() not in (b".\r\n", b""):
                pass
            self._say("250 taken")
        elif verb == "RCPT" and f"<{self.server.refuses}>" in line:
            self._say("550 5.1.1 no such user")
        else:
            self._say("221 bye" if verb == "QUIT" else "250 localhost")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, refuses: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.refuses = refuses


@contextmanager
def _mail_server(refuses: str) -> Iterator[int]:
    """The port of a mail server on this machine that refuses this address for good; gone when the block ends."""
    with _Server(refuses) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
