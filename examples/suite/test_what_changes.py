"""Values that are new with every run: some mean nothing, of others onetake asks what they mean."""

import os
import time
import uuid

import httpx


def test_a_request_id_and_the_time_of_day(provider_url: str) -> None:
    answer = httpx.post(
        f"{provider_url}/echo",
        json={"prompt": f"Summarise job {uuid.uuid4()}", "metadata": {"sent_at": time.time()}},
    )

    assert answer.status_code == 200


def test_a_number_that_counts_runs(provider_url: str) -> None:
    number = int(os.environ.get("DEMO_RUN", "1"))

    answer = httpx.post(f"{provider_url}/echo", json={"prompt": "Summarise", "run": number})

    assert answer.status_code == 200
