"""Whose price counts, and when there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from onetake.spend import Price, Usage, price_of

AT_S = 1_795_651_200  # 2026-11-26


def used(model="gpt-4o", provider="openai", **fields):
    return Usage(
        provider=provider, model=model, **{"input_tokens": 1000, "output_tokens": 100} | fields
    )


@pytest.mark.parametrize(
    "usage",
    [
        used("gpt-99-never-heard-of"),
        used("gpt-4o", provider="assemblyai"),
        used("llama3.2", provider=""),  # runs on one's own machine, for nothing
        used("mistral", provider=""),
        used("acme/thing", provider=""),
        used("dall-e-3", input_tokens=None, output_tokens=None, images=1),
        used("gpt-4o", tier="scale"),  # terms of a contract
        used("whisper-1"),  # sold by the hour
        used("gpt-4o", input_tokens=None, output_tokens=None, audio_seconds=3.0),
        used("gpt-4o", cache_read_tokens=2000),  # a part that exceeds its whole
        # The package lacks the audio prices of this model, and would charge audio like text: 2.50
        # instead of the 40.00 per million that OpenAI publishes.
        used("gpt-4o-audio-preview", input_audio_tokens=900),
        # Cached and audio overlap, and the answer does not say how far.
        used("gemini-2.5-flash", "gemini", cache_read_tokens=500, input_audio_tokens=900),
    ],
)
def test_what_has_no_known_price_has_none(usage):
    assert price_of(usage, at_s=AT_S) is None


def test_what_cost_nothing_cost_nothing():
    assert price_of(used(input_tokens=0, output_tokens=0), at_s=AT_S) == 0


def test_a_price_is_the_one_of_its_day():
    usage = used("o3", input_tokens=1_000_000, output_tokens=0)
    before, after = 1_735_689_600, 1_767_225_600  # 2025-01-01 and 2026-01-01; it fell in June 2025
    assert [price_of(usage, at_s=at_s) for at_s in (before, after)] == [10.0, 2.0]


def test_the_package_is_behind_the_prices_of_deepseek_and_the_caller_can_be_ahead():
    """From 2025-09-05 16:00 UTC there is no discount by night (api-docs.deepseek.com/quick_start/pricing).

    genai-prices 0.2.3 still halves the older price at AT_S, which is midnight: 0.135 and 0.55 a million,
    where V3.2 is published at 0.28 and 0.42. Once this fails, the package has caught up.
    """
    usage = used("deepseek-chat", "deepseek")
    published = Price(input=0.28, cache_read=0.028, output=0.42)
    assert price_of(usage, at_s=AT_S) == pytest.approx((1000 * 0.135 + 100 * 0.55) / 1e6)
    right = (1000 * 0.28 + 100 * 0.42) / 1e6
    assert price_of(usage, table={"deepseek-chat": published}) == pytest.approx(right)


TABLE = {
    "gpt-4o": Price(input=1, output=10),
    "openai/gpt-4o-mini": Price(input=2, output=10),
    "gpt-*": Price(input=3, output=10),
    "gpt-5*": Price(input=4, output=10),
}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", 0.002),
        ("GPT-4o-2024-08-06", 0.002),
        ("gpt-4o-mini", 0.003),
        ("gpt-4o-mini-2024-07-18", 0.003),
        ("gpt-4.1", 0.004),
        ("gpt-5-mini", 0.005),
    ],
)
def test_the_callers_price_wins_and_the_closest_name_of_them(model, expected):
    assert price_of(used(model), table=TABLE) == pytest.approx(expected)


def test_the_callers_price_wins_over_the_charge_in_the_answer():
    usage = used(billed_usd=7.0)
    assert [price_of(usage, table=TABLE), price_of(usage)] == [pytest.approx(0.002), 7.0]


def test_each_class_costs_its_own():
    usage = used(
        input_tokens=1000,
        cache_read_tokens=100,
        cache_write_tokens=200,
        cache_write_1h_tokens=50,
        input_audio_tokens=300,
        cache_audio_read_tokens=40,
        output_tokens=500,
        reasoning_tokens=50,
        output_audio_tokens=150,
    )
    price = Price(
        input=1,
        cache_read=0.1,
        cache_write=2,
        cache_write_1h=4,
        input_audio=30,
        output=10,
        reasoning=20,
        output_audio=60,
    )
    # 1000 in: 100 read, 150 and 50 written, 260 spoken and not cached, 440 left.
    rows = 100 * 0.1 + 150 * 2 + 50 * 4 + 260 * 30 + 440 * 1 + 50 * 20 + 150 * 60 + 300 * 10
    assert price_of(usage, table={"gpt-4o": price}) == pytest.approx(rows / 1e6)


def test_a_part_without_a_price_costs_what_its_whole_costs():
    usage = used(cache_read_tokens=400, input_audio_tokens=300, cache_audio_read_tokens=100)
    assert price_of(usage, table=TABLE) == pytest.approx(0.002)


def test_a_class_that_the_caller_left_without_a_price_makes_the_whole_unknown():
    assert price_of(used(), table={"gpt-4o": Price(input=1)}) is None


def test_images_seconds_and_searches_are_priced_one_by_one():
    usage = used("dall-e-3", input_tokens=None, output_tokens=None, images=3)
    assert price_of(usage, table={"dall-e-3": Price(image=0.04)}) == pytest.approx(0.12)


def test_nothing_of_the_price_package_is_loaded_before_a_price_is_asked_for():
    code = "import sys, onetake.spend; assert 'genai_prices' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_price_package_the_callers_prices_still_count():
    code = """if True:
        import sys

        sys.modules["genai_prices"] = None
        from onetake.spend import Price, Usage, price_of

        usage = Usage(provider="openai", model="gpt-4o", input_tokens=1000, output_tokens=100)
        table = {"gpt-4o": Price(input=1, output=10)}
        assert (price_of(usage), price_of(usage, table=table)) == (None, 0.002)
    """
    subprocess.run([sys.executable, "-c", code], check=True)
