"""The OpenAI SDK, sync and async, streaming and not, with two uploads in one form."""

import base64

import openai
import pytest

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture
def client(provider_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{provider_url}/v1", api_key="sk-demo-not-a-real-key")


@pytest.fixture
def async_client(provider_url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{provider_url}/v1", api_key="sk-demo-not-a-real-key")


@pytest.mark.parametrize("city", ["Paris", "Oslo", "Rio de Janeiro"])
def test_summary(client: openai.OpenAI, city: str) -> None:
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"Describe {city} in a line."}]
    )

    assert answer.choices[0].message.content


def test_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Count to five."}],
        stream=True,
    )

    words = [c.choices[0].delta.content or "" for c in stream if c.choices]

    assert len(words) > 1
    assert "".join(words)


def test_embeddings(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])

    assert len(answer.data) == 2


def test_image_edit_with_two_uploads(client: openai.OpenAI) -> None:
    answer = client.images.edit(
        model="gpt-image-1",
        image=("image.png", PIXEL, "image/png"),
        mask=("mask.png", PIXEL, "image/png"),
        prompt="A cat in a hat",
    )

    assert answer.data
    assert base64.b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")


def test_a_wrong_key_is_refused(provider_url: str) -> None:
    client = openai.OpenAI(base_url=f"{provider_url}/v1", api_key="sk-bad-key", max_retries=0)

    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello?"}]
        )


async def test_response_async(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.responses.create(model="gpt-4o-mini", input="Say hello.")

    assert answer.output_text


async def test_stream_async(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.responses.create(
        model="gpt-4o-mini", input="Say hello slowly.", stream=True
    )

    kinds = [event.type async for event in stream]

    assert kinds[-1] == "response.completed"
