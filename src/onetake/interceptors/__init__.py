"""One module a client library. Registering one is one line in `_INTERCEPTORS`.

Each module has `install(module)`: replace the class methods named in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from onetake.runtime import egress, threads
from onetake.runtime.imports import when_imported

# The client's module that must be loaded, and the interceptor that stands in it.
_INTERCEPTORS = {
    "httpcore": "httpcore_",
    "httpcore2": "httpcore_",
    "httpx": "httpx_",
    "httpx2": "httpx_",
    "urllib3.connectionpool": "urllib3_",
    "http.client": "http_client_",
    "aiohttp.client": "aiohttp_",
}

_installed = False


def install() -> None:
    """Install every interceptor whose client is loaded, and the others when theirs is; and the network guard.

    Once per process.
    """
    global _installed
    if _installed:
        return
    _installed = True
    threads.install()
    egress.install()
    for client, interceptor in _INTERCEPTORS.items():
        when_imported(client, _installer(interceptor))


def _installer(name: str) -> Callable[[ModuleType], None]:
    def install_in(module: ModuleType) -> None:
        import_module(f"onetake.interceptors.{name}").install(module)

    return install_in
