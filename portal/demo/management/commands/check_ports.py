import socket
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Say whether the ports that `make run` needs are free, before anything is started."
    # It must work before there is a database.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {"PORT": settings.PORT, "SANDBOX_PORT": settings.SANDBOX_PORT}
        if wanted["PORT"] == wanted["SANDBOX_PORT"]:
            raise CommandError(f"PORT and SANDBOX_PORT are both {settings.PORT}; choose two different ports.")
        taken = {name: port for name, port in wanted.items() if is_taken(port)}
        if taken:
            raise CommandError(
                "\n".join(
                    f"Port {port} is in use by another program. Stop that program, or choose another port: "
                    f"make run {name}={port + 1}"
                    for name, port in taken.items()
                )
            )


def is_taken(port: int) -> bool:
    """Whether a server on this port of this machine could not start."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do it: a port whose last connections are only closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
