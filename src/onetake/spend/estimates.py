"""What a call may come to, before it is made: the upper end, from its request alone.

The input is what the body holds: about four bytes a token, which the guides of OpenAI, Anthropic and Google
all give for English, its JSON counted in, so that it is rather too much. Base64 is no text: an attachment
counts as 5000 tokens. Anthropic counts width x height / 750 and scales an image down to 1568 pixels (1600
tokens), with Claude Opus 4.7 to 2576 pixels (platform.claude.com/docs/en/build-with-claude/vision); OpenAI
and Gemini make less of one. The output is what the request
allows, else the largest answer of the model that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from onetake.content import opened
from onetake.messages import Request, read_url
from onetake.spend.answers import request_fields
from onetake.spend.counts import Fields, count_of, fields_of
from onetake.spend.facts import Usage
from onetake.spend.usage import Place, model_in, place_of
from onetake.wire.late import late_pattern

_BYTES_A_TOKEN = 4
_ATTACHMENT_TOKENS = 5000
_BASE64 = re.compile(rb'[A-Za-z0-9+/_\\-]{400,}={0,2}(?=")')
_LINKED = late_pattern(
    rb'"(?:url|image_url|file_url|file_id|file_uri|fileUri|uri)"\s*:\s*"(?!data:|")'
)

_MOST_OUTPUT = (
    *("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens", "maxTokens"),
    *("max_new_tokens", "max_gen_len", "maxTokenCount", "max_tokens_to_sample"),
)
_WITHIN = (
    *("generationConfig", "generation_config", "inferenceConfig", "textGenerationConfig"),
    *("parameters",),
)
_SAMPLES = ("n", "best_of", "candidateCount", "num_generations")
_WITHOUT_OUTPUT = late_pattern(r".*(?:/embeddings|:embedContent|/v[12]/(?:embed|rerank|classify))")


def model_of(request: Request) -> str:
    """`openai/gpt-4o`: provider (where it is known) and model that are asked for.

    "" where no known API is asked for one.
    """
    place = place_of(request.url)
    model = "" if place is None else place.model or model_in(request)
    if place is None or not model:
        return ""
    return (f"{place.provider}/{model}" if place.provider else model).lower()


def estimate_of(request: Request, largest: int | None) -> Usage | None:
    """What the call may use, or None where that cannot be known. Never raises.

    `largest` is the number of output tokens of the largest answer of its model that is known. Not
    estimated are images and sound, sent or asked for: these are not paid by the text.
    """
    place = place_of(request.url)
    if place is None or place.api in ("images", "speech", "transcription"):
        return None
    fields = request_fields(request)
    asked = fields.get("model")
    model = place.model or (asked if isinstance(asked, str) else "")
    if not model or _wants_media(fields):
        return None
    output = _output(request, place, fields, largest)
    if output is None:
        return None
    return Usage(
        provider=place.provider,
        model=model.removeprefix("models/"),
        input_tokens=_input(opened(request).body),
        output_tokens=output,
    )


def _input(body: bytes) -> int:
    attachments = len(_LINKED.findall(body))
    text = len(body)
    for found in _BASE64.finditer(body):
        attachments += 1
        text -= found.end() - found.start()
    return text // _BYTES_A_TOKEN + 1 + attachments * _ATTACHMENT_TOKENS


def _output(request: Request, place: Place, fields: Fields, largest: int | None) -> int | None:
    path = read_url(request.url).path.rstrip("/")
    if _WITHOUT_OUTPUT.fullmatch(path):
        return 0
    if place.api == "gemini" and path.endswith(":predict"):
        return None
    allowed = next(_counts(fields, _MOST_OUTPUT), None)
    one = largest if allowed is None else allowed
    return None if one is None else one * max(1, *_counts(fields, _SAMPLES), 1)


def _counts(fields: Fields, names: tuple[str, ...]) -> Iterator[int]:
    for place in (fields, *(fields_of(fields.get(name)) for name in _WITHIN)):
        for name in names:
            count = count_of(place.get(name))
            if count is not None:
                yield count


def _wants_media(fields: Fields) -> bool:
    """Whether an answer of images or sound is asked for."""
    config = fields_of(fields.get("generationConfig"))
    for asked in (fields.get("modalities"), config.get("responseModalities")):
        if isinstance(asked, list) and any(str(one).lower() != "text" for one in asked):
            return True
    return False
