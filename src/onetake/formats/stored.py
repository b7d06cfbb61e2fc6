"""A recording as it lies in a cassette: its text, of which each part is decoded when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Raw, Struct

from onetake.errors import CassetteError
from onetake.formats.entries import (
    BROKEN,
    NOT_RECORDED,
    Blobs,
    RawAnswer,
    RawEntry,
    RawRequest,
    Recorded,
    to_answer,
    to_interaction,
    to_request,
)
from onetake.formats.foreign import RESTORE
from onetake.messages import Ended, Interaction, Request
from onetake.wire.late import late_decoder, late_pattern


class _Asked(Struct, gc=False):
    request: RawRequest


class _Made(Struct, gc=False):
    """When an entry was recorded."""

    recorded: Recorded | None = None


_asked = late_decoder(_Asked)
_made = late_decoder(_Made)
_answers = late_decoder(RawAnswer)
_entries = late_decoder(RawEntry)


class Outcome(Struct, frozen=True):
    """The outcome of a request, bodies apart. Without an answer `status` is 0, and `failure` its kind."""

    status: int
    failure: str
    ended: Ended
    at: int
    ms: int


# An entry begins so; a URL with escapes, or a hand-written order, is decoded.
_LINE = late_pattern(rb'\A\{\s*"request":\s*\{\s*"method":\s*"([A-Za-z]+)",\s*"url":\s*"([^"\\]*)"')
_LINE_WITHIN = 600


class Stored:
    """One entry of a document: its text, decoded when asked for. Safe to share between threads."""

    __slots__ = ("_blob", "_interaction", "_place", "_text")

    def __init__(
        self,
        text: Raw | Callable[[], bytes],
        place: tuple[str, int],
        blob: Blobs,
    ) -> None:
        """`text` may be what gives it when it is first wanted, and raises `CassetteError`."""
        self._text = text
        self._place = place
        self._blob = blob
        self._interaction: Interaction | None = None

    @property
    def _raw(self) -> Raw:
        if not isinstance(self._text, Raw):
            self._text = Raw(self._text())
        return self._text

    @property
    def raw(self) -> bytes:
        """The text of the recording, exactly as it lies in the document."""
        return bytes(self._raw)

    def text(self, limit: int) -> bytes:
        """Return the beginning of the recording's text; empty where that cannot be read."""
        try:
            return bytes(memoryview(self._raw)[:limit])
        except CassetteError:
            return b""

    @property
    def line(self) -> tuple[str, str] | None:
        """Method and URL, mostly without decoding; None for an entry that cannot be read."""
        try:
            found = _LINE.search(self.text(_LINE_WITHIN))
            if found is not None:
                return found[1].decode("utf-8", "replace"), found[2].decode("utf-8", "replace")
            request = self.request
        except CassetteError:
            return None
        return request.method, request.url

    @property
    def request(self) -> Request:
        """Decoded anew each time. Raises `CassetteError`, and what the blob's reader raises."""
        if self._interaction is not None:
            return self._interaction.request
        try:
            return to_request(_asked.decode(self._raw).request, self._blob)
        except (*BROKEN, CassetteError) as error:
            raise self._located(error) from error

    @property
    def has_values_redacted(self) -> bool:
        """Return whether the request may list paths at which something was redacted by value. Cheap."""
        try:
            return b'"by_value"' in self.raw
        except CassetteError:
            return False

    @property
    def at(self) -> float:
        """When it was made, UTC seconds; 0 where that is not known."""
        try:
            made = _made.decode(self._raw).recorded
        except (*BROKEN, CassetteError) as error:
            raise self._located(error) from error
        return float(made.at) if made is not None else 0.0

    @property
    def is_part(self) -> bool:
        """Return whether the program has left the answer before its end. Raises `CassetteError`."""
        outcome = self.outcome
        return outcome.ended is Ended.CLOSED and outcome.status > 0

    @property
    def outcome(self) -> Outcome:
        """Read without its bodies. Raises `CassetteError`."""
        try:
            found = _answers.decode(self.raw)
        except (*BROKEN, CassetteError) as error:
            raise self._located(error) from error
        status = found.response.status if found.response is not None else 0
        failure = found.failure.kind if found.failure is not None else ""
        recorded = found.recorded or NOT_RECORDED
        return Outcome(status, failure, found.ended, recorded.at, recorded.ms)

    @property
    def interaction(self) -> Interaction:
        """Decoded once. Raises `CassetteError`, and what the blob's reader raises."""
        if self._interaction is None:
            try:
                self._interaction = to_interaction(_entries.decode(self._raw), self._blob)
            except (*BROKEN, CassetteError) as error:
                raise self._located(error) from error
        return self._interaction

    def answering(self, request: Request) -> Interaction:
        """The interaction with `request`, known to be the equal of the stored one, in its place.

        Decodes the answer alone. Raises as `interaction` does.
        """
        if self._interaction is not None:
            return self._interaction
        try:
            return to_answer(_answers.decode(self._raw), request, self._blob)
        except (*BROKEN, CassetteError) as error:
            raise self._located(error) from error

    def _located(self, error: Exception) -> CassetteError:
        path, index = self._place
        if isinstance(error, CassetteError):
            if error.path:  # of a blob, by its reader
                return error
            reason = error.message
        else:
            reason = f"{error}."
        return CassetteError(
            f"Interaction {index + 1} of {path} cannot be read: {reason}",
            remedy=error.remedy if isinstance(error, CassetteError) and error.remedy else RESTORE,
            path=path,
        )
