"""No SDK: httpx, aiohttp and requests, and a job that is polled until it is done."""

import aiohttp
import httpx
import requests

KEY = {"authorization": "Bearer sk-demo-not-a-real-key"}


JOB = {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"}


def chat(prompt: str) -> dict[str, object]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}]}


def test_requests(provider_url: str) -> None:
    answer = requests.post(
        f"{provider_url}/v1/chat/completions", json=chat("From requests"), headers=KEY, timeout=10
    )

    assert answer.json()["choices"]


async def test_httpx_async(provider_url: str) -> None:
    async with httpx.AsyncClient(headers=KEY) as client:
        answer = await client.post(f"{provider_url}/v1/chat/completions", json=chat("From httpx"))

    assert answer.json()["choices"]


async def test_aiohttp(provider_url: str) -> None:
    async with (
        aiohttp.ClientSession(headers=KEY) as session,
        session.post(f"{provider_url}/v1/chat/completions", json=chat("From aiohttp")) as answer,
    ):
        assert (await answer.json())["choices"]


def test_a_polled_job_ends(provider_url: str) -> None:
    with httpx.Client(base_url=provider_url, headers=KEY) as client:
        job = client.post("/v1/batches", json=JOB).json()["id"]
        states = [client.get(f"/v1/batches/{job}").json()["status"] for _ in range(3)]

    assert states == ["in_progress", "in_progress", "completed"]
