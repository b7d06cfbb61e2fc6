"""A recording of a vcrpy cassette as sequences take it: read from the tree when it is wanted."""

from __future__ import annotations

from collections.abc import Callable

from onetake.errors import CassetteError
from onetake.formats.document import Stored, encode_inline
from onetake.formats.vcr import Tree, located, message_of, readable
from onetake.messages import Interaction, Request

__all__ = ["VcrEntry"]


class VcrEntry(Stored):
    """One entry of a tree. Safe to share between threads; what is read of it twice is the same."""

    __slots__ = ("_entry_of", "_fit", "_request", "_text_of")

    def __init__(
        self,
        entry_of: Callable[[], object],
        place: tuple[str, int],
        fit: Callable[[Request], Request] | None = None,
        text_of: Callable[[], bytes] | None = None,
    ) -> None:
        """`entry_of` gives the entry of the tree. `fit` makes a request that may be shown and compared.

        `text_of` gives the text by which others name the entry, where that is not its own in our format.
        """
        super().__init__(self._as_text, place, _no_blob)
        self._entry_of = entry_of
        self._fit = fit
        self._text_of = text_of
        self._request: Request | None = None

    @property
    def request(self) -> Request:
        if self._request is None:
            try:
                request = message_of(self._parts()[0])
            except CassetteError as error:
                raise self._located(error) from error
            self._request = request if self._fit is None else self._fit(request)
        return self._request

    @property
    def interaction(self) -> Interaction:
        if self._interaction is None:
            self._interaction = self.answering(self.request)
        return self._interaction

    def answering(self, request: Request) -> Interaction:
        try:
            response, ended = readable(self._parts()[1], request.method)
        except CassetteError as error:
            raise self._located(error) from error
        return Interaction(request=request, response=response, ended=ended)

    @property
    def line(self) -> tuple[str, str] | None:
        try:
            return self.request.method, self.request.url
        except CassetteError:
            return None

    @property
    def at(self) -> float:
        """The moment, which vcrpy does not keep."""
        return 0.0

    @property
    def has_values_redacted(self) -> bool:
        """Return False, as vcrpy does not say what was redacted."""
        return False

    def _parts(self) -> tuple[Tree, Tree]:
        match self._entry_of():
            case {"request": dict(asked), "response": dict(answer)}:
                return asked, answer
        raise CassetteError("It has no request, or no response.")

    def _as_text(self) -> bytes:
        return encode_inline(self.interaction) if self._text_of is None else self._text_of()

    def _located(self, error: Exception) -> CassetteError:
        path, index = self._place
        return located(error, index + 1, path)


def _no_blob(name: str) -> bytes:
    raise CassetteError(f"vcrpy has no blobs, such as {name}.")
