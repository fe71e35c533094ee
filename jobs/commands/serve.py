"""`idm serve`: the web interface, behind gunicorn."""

from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from connectors.registry import former_password_counts
from idm.database import Database
from idm.settings import Settings
from jobs.commands.options import installation
from jobs.commands.terminal import say
from jobs.installation import Installation
from jobs.passwords.directory_passwords import password_checker
from jobs.sign_in_providers import provider_opener
from web.app import create_app


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with our settings. Each of its processes opens the database for itself, after the fork."""

    def __init__(self, settings: Settings, threads: int) -> None:
        self.idm_settings = settings
        self.threads = threads
        super().__init__()

    def load_config(self) -> None:
        """Binds to the configured address; no control socket, no access log with query strings."""
        values: dict[str, Any] = {
            "bind": f"{self.idm_settings.host}:{self.idm_settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self.threads,
            "control_socket_disable": True,
            "proc_name": "idm-web",
            "loglevel": "warning",
        }
        for key, value in values.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """The application of this process."""
        served = Installation(self.idm_settings, Database(self.idm_settings.database_url))
        return create_app(
            served.settings, served.database, check_password=password_checker(served),
            open_provider=provider_opener(served), former_password=former_password_counts,
        )  # fmt: skip


@click.command()
@click.option("--threads", default=8, show_default=True, help="同時に応える数。")
def serve(threads: int) -> None:
    """画面（Web）を提供します。止めるには Ctrl-C を押してください。"""
    found = installation()
    found.database.dispose()
    say(f"{found.settings.base_url} で始めます。")
    WebServer(found.settings, threads).run()
