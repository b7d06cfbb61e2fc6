"""The Anthropic SDK, sync and async, streaming and not."""

import anthropic


def test_message(provider_url: str) -> None:
    client = anthropic.Anthropic(base_url=provider_url, api_key="sk-ant-demo-not-a-real-key")

    answer = client.messages.create(
        model="claude-sonnet-5",
        max_tokens=100,
        messages=[{"role": "user", "content": "Name three rivers."}],
    )

    assert answer.content[0].type == "text"


async def test_stream_async(provider_url: str) -> None:
    client = anthropic.AsyncAnthropic(base_url=provider_url, api_key="sk-ant-demo-not-a-real-key")

    async with client.messages.stream(
        model="claude-sonnet-5",
        max_tokens=100,
        messages=[{"role": "user", "content": "Name three lakes."}],
    ) as stream:
        text = "".join([part async for part in stream.text_stream])

    assert text
