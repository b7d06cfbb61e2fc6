"""A request as hooks, matchers and tests of a suite see it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Self
from urllib.parse import ParseResult, parse_qsl, urlparse

from onetake.formats.yaml_text import FileLike, Iterated
from vcr.util import CaseInsensitiveDict, Pairs, _is_nonsequence_iterator, joined

_DEFAULT_PORTS = {"http": 80, "https": 443}


class HeadersDict(CaseInsensitiveDict):
    """Headers with one plain value each: the first of a list. A name keeps the case it came in first."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list | tuple):
            value = value[0] if value else ""
        first, _ = self._store.get(key.lower(), (key, None))
        super().__setitem__(first, value)

    @classmethod
    def of_lines(cls, lines: Iterable[tuple[str, str]]) -> Self:
        """Make headers of the lines of a message: of a name that occurs twice there is the first value."""
        headers = cls.__new__(cls)
        headers._store = {}
        for name, value in lines:
            headers._store.setdefault(name.lower(), (name, value))
        return headers


class Request:
    """What is sent: hooks may change each part of it.

    `body` reads as bytes (text becomes UTF-8), None, or whatever else was given; what was given as a file
    or an iterator is read once and comes back as a new file or iterator each time it is asked for.
    """

    parsed_uri: ParseResult

    def __init__(
        self, method: str, uri: str, body: Any = None, headers: Pairs | None = None
    ) -> None:
        self.method = method
        self.uri = uri
        is_plain = body is None or isinstance(body, bytes)
        self._was_file = not is_plain and hasattr(body, "read")
        self._was_iter = not (is_plain or self._was_file) and _is_nonsequence_iterator(body)
        if self._was_file:
            body = _content(body)
        elif self._was_iter:
            body = list(body)
        self.body = body
        self.headers = headers
        self._kept: tuple[dict[str, Any], object] | None = None  # a cassette's form, and its parts

    @property
    def uri(self) -> str:
        return self._uri

    @uri.setter
    def uri(self, uri: str) -> None:
        self._uri = uri
        self.parsed_uri = urlparse(uri)

    @property
    def url(self) -> str:
        """The older name of `uri`, to read."""
        return self.uri

    @property
    def headers(self) -> HeadersDict:
        return self._headers

    @headers.setter
    def headers(self, headers: Pairs | None) -> None:
        self._headers = headers if isinstance(headers, HeadersDict) else HeadersDict(headers)

    @property
    def body(self) -> Any:
        if self._was_file:
            return BytesIO(self._body)
        return iter(self._body) if self._was_iter else self._body

    @body.setter
    def body(self, body: Any) -> None:
        self._body = body.encode() if isinstance(body, str) else body

    @property
    def body_bytes(self) -> Any:
        """The body without its being a file or an iterator."""
        return joined(self._body) if self._was_iter else self._body

    @property
    def scheme(self) -> str:
        return self.parsed_uri.scheme

    @property
    def protocol(self) -> str:
        """The older name of `scheme`."""
        return self.scheme

    @property
    def host(self) -> str | None:
        """In lower case, without the port; None where the URI has none."""
        return self.parsed_uri.hostname

    @property
    def port(self) -> int | None:
        """The scheme's own where the URI names none. ValueError where it names nonsense."""
        port = self.parsed_uri.port
        return _DEFAULT_PORTS.get(self.scheme) if port is None else port

    @property
    def path(self) -> str:
        return self.parsed_uri.path

    @property
    def query(self) -> list[tuple[str, str]]:
        """The pairs that have a value, decoded and sorted."""
        return sorted(parse_qsl(self.parsed_uri.query))

    def add_header(self, key: str, value: Any) -> None:
        """Assign to `headers` instead."""
        text = "Request.add_header is deprecated: assign to request.headers."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        self.headers[key] = value

    def __repr__(self) -> str:
        return f"<Request ({self.method}) {self.uri}>"

    def _to_dict(self) -> dict[str, Any]:
        """Return the request as a cassette has it: each header is a list."""
        return {
            "method": self.method,
            "uri": self.uri,
            "body": self.body,
            "headers": {name: [value] for name, value in self.headers.pairs()},
        }

    def _to_tree(self) -> dict[str, Any]:
        """Return the request as an entry of a cassette, with a body that is no file and no iterator."""
        headers = dict(self._headers._store.values())
        return {"method": self.method, "uri": self.uri, "body": self.body_bytes, "headers": headers}

    def _to_entry(self) -> dict[str, Any]:
        """Return the request as a cassette has it; one from there that was not changed is as it was."""
        if self._kept is not None and self._kept[1] == self._parts():
            return {**self._kept[0]}
        return self._to_dict()

    @classmethod
    def _from_dict(cls, stored: dict[str, Any]) -> Self:
        """From a cassette, where people leave out what is empty. KeyError without method or URI."""
        body = stored.get("body")
        if isinstance(body, FileLike):
            body = BytesIO(body)
        elif isinstance(body, Iterated):
            body = iter(body)
        request = cls(stored["method"], stored["uri"], body, stored.get("headers"))
        if body is stored.get("body"):
            request._kept = stored, request._parts()
        return request

    def _parts(self) -> object:
        return self.method, self.uri, self._body, [*self._headers._store.values()]


def _content(file: Any) -> Any:
    """All that is left to read, leaving the file where it stood if it can be wound back."""
    try:
        start = file.tell()
    except (AttributeError, OSError):
        return file.read()
    content = file.read()
    file.seek(start)
    return content
