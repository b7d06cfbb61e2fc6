"""What a usage costs at one price."""

from __future__ import annotations

from onetake.config.prices import Price
from onetake.spend.facts import Usage

Rows = list[tuple[float, float | None]]


def dollars_by(price: Price, usage: Usage) -> float | None:
    """Each unit of `usage` in exactly one row, times its price.

    None where a class that was used has no price, or parts exceed their whole.
    """
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    hour, thought = usage.cache_write_1h_tokens or 0, usage.reasoning_tokens or 0
    plain_in = (usage.input_tokens or 0) - written
    plain_out = (usage.output_tokens or 0) - thought
    rows: Rows = []
    if not is_of_text(usage):
        read, inside, outside = _beside_text(price, usage, read, rows)
        plain_in, plain_out = plain_in - inside, plain_out - outside
    plain_in -= read
    write = price.input if price.cache_write is None else price.cache_write
    rows += (
        (plain_in / 1e6, price.input),
        (plain_out / 1e6, price.output),
        (read / 1e6, price.input if price.cache_read is None else price.cache_read),
        ((written - hour) / 1e6, write),
        (hour / 1e6, write if price.cache_write_1h is None else price.cache_write_1h),
        (thought / 1e6, price.output if price.reasoning is None else price.reasoning),
    )
    dollars = 0.0
    for count, one in rows:
        if count:
            if count < 0 or one is None:
                return None
            dollars += count * one
    return dollars


def is_of_text(usage: Usage) -> bool:
    """Whether nothing but tokens of text was used."""
    return not (
        usage.input_audio_tokens
        or usage.input_image_tokens
        or usage.cache_audio_read_tokens
        or usage.cache_image_read_tokens
        or usage.output_audio_tokens
        or usage.output_image_tokens
        or usage.images
        or usage.audio_seconds
        or usage.input_characters
        or usage.web_searches
        or usage.storage_searches
        or usage.rerank_searches
    )


def _beside_text(price: Price, usage: Usage, read: int, rows: Rows) -> tuple[int, int, int]:
    """Add the rows of what is no text; what is left of `read`, and what is taken of input and output."""
    of_cache = (usage.cache_audio_read_tokens or 0, usage.cache_image_read_tokens or 0)
    audio, image = usage.input_audio_tokens or 0, usage.input_image_tokens or 0
    if price.cache_read is not None:  # what is cached costs as such, whatever it is
        audio, image = audio - of_cache[0], image - of_cache[1]
    else:
        read -= sum(of_cache)
    spoken, drawn = usage.output_audio_tokens or 0, usage.output_image_tokens or 0
    rows += (
        (audio / 1e6, price.input if price.input_audio is None else price.input_audio),
        (image / 1e6, price.input if price.input_image is None else price.input_image),
        (spoken / 1e6, price.output if price.output_audio is None else price.output_audio),
        (drawn / 1e6, price.output if price.output_image is None else price.output_image),
        ((usage.input_characters or 0) / 1e6, price.characters),
        (usage.images or 0, price.image),
        (usage.audio_seconds or 0, price.second),
        (usage.web_searches or 0, price.search),
        (usage.storage_searches or 0, price.search),
        (usage.rerank_searches or 0, price.search),
    )
    return read, audio + image, spoken + drawn


def in_dollars(amount: float) -> str:
    """`$1.20`, and four significant digits of what is less than a dollar: `$0.001234`."""
    if amount >= 1 or amount == 0:
        return f"${amount:,.2f}"
    digits = 2
    while digits < 10 and round(amount, digits) < 1000 * 10**-digits:
        digits += 1
    text = f"{amount:.{digits}f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${whole}.{part:<02}"
