"""Scenarios 1 to 5, 10 to 12 and 15: what never matched again elsewhere matches here."""

from __future__ import annotations

import textwrap

import pytest

from tests.support.clients import CLIENTS
from tests.support.runs import result, run_program
from tests.support.twice import run, twice

EVERY_CLIENT = sorted(CLIENTS)
UPLOADING = sorted(set(CLIENTS) - {"urllib"})  # urllib makes no multipart forms


@pytest.mark.parametrize("client", UPLOADING)
def test_1_a_random_boundary_is_no_part_of_identity(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/echo",
            files=(("image", "a.png", b"\\x89PNG one"), ("mask", "b.png", b"\\x89PNG two")),
            form=(("prompt", "a cat"),))]"""

    found = twice(provider, project, client, body)

    # The answer echoes the boundary that was sent when it was recorded, so all of it is equal.
    assert found.is_faithful()
    assert found.recorded.billed == 1
    assert len(found.interactions) == 1


@pytest.mark.parametrize("client", UPLOADING)
def test_1_a_changed_file_is_a_miss_that_names_the_part(provider, project, client):
    source = """return [Ask(method="POST", url=url + "/echo",
            files=(("image", "a.png", b"\\x89PNG %d" % n),), form=(("prompt", "a cat"),))]"""
    run(provider, project, client, source)
    program = f"""
        import sys, onetake
        from tests.support.clients import Ask, observe
        url, n = sys.argv[1], 2
        def asks(url, n):
            {source}
        try:
            with onetake.use_cassette("main"):
                observe({client!r}, asks(url, 2)[0])
        except onetake.MissError as miss:
            print(miss)
    """

    done = run_program(program, project, provider.url, ONETAKE_MODE="replay")

    assert "part.image" in done.stdout, done.stdout + done.stderr
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_2_an_iterator_body_is_sent_whole_and_recognised(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/echo",
            headers=(("content-type", "application/octet-stream"),),
            pieces=(b"first ", b"second ", b"third"))]"""

    found = twice(provider, project, client, body)

    import base64
    import json

    echoed = json.loads(bytes.fromhex("".join(found.recorded.seen[0]["chunks"])))
    assert base64.b64decode(echoed["body"]) == b"first second third"
    assert found.is_faithful()
    assert len(found.interactions) == 1


def test_3_a_matcher_sees_bytes_where_the_program_sent_an_iterator(provider, project):
    program = """
        import json, sys, httpx, onetake
        kinds = []
        def tail(request):
            kinds.append(type(request.body).__name__)
            return request.body[-5:]
        onetake.register_matcher("tail", tail)
        with onetake.use_cassette("main", match_on=["method", "url", "tail"]) as cassette:
            pieces = [b"%s first " % sys.argv[2].encode(), b"third"]
            answer = httpx.post(sys.argv[1] + "/echo", content=iter(pieces))
        print(json.dumps([answer.status_code, cassette.verdict, sorted(set(kinds))]))
    """

    first = result(run_program(program, project, provider.url, "one"))
    second = result(run_program(program, project, provider.url, "another"))

    assert first == [200, "RECORDED", ["bytes"]]
    assert second == [200, "HIT", ["bytes"]]
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_4_two_prompts_never_share_an_answer(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/v1/chat/completions",
            headers=(("authorization", "Bearer sk-test-0123456789"),),
            json={"model": "m", "messages": [{"role": "user", "content": text}]})
            for text in ("one", "two")]"""

    found = twice(provider, project, client, body)

    assert found.is_faithful()
    assert found.recorded.seen[0] != found.recorded.seen[1]
    assert len(found.interactions) == 2


def test_4_aiohttp_form_data_and_files_are_recognised(provider, project):
    program = """
        import asyncio, io, json, sys, aiohttp, onetake
        async def main():
            async with aiohttp.ClientSession() as session:
                form = aiohttp.FormData()
                form.add_field("file", io.BytesIO(b"contents"), filename="f.bin")
                for data in (form, io.BytesIO(b"a file body"), {"a": "b"}):
                    async with session.post(sys.argv[1] + "/echo", data=data) as answer:
                        await answer.read()
        with onetake.use_cassette("main") as cassette:
            asyncio.run(main())
        print(json.dumps([cassette.verdict, len(cassette.interactions)]))
    """

    assert result(run_program(program, project, provider.url)) == ["RECORDED", 3]
    assert result(run_program(program, project, provider.url)) == ["HIT", 3]


def test_5_an_upload_that_was_read_before_is_warned_about_by_name(provider, project):
    program = """
        import io, json, sys, requests, onetake
        image = io.BytesIO(b"the picture")
        with onetake.use_cassette("main") as cassette:
            for _ in range(2):
                requests.post(sys.argv[1] + "/echo", files={"image": ("a.png", image)})
        print(json.dumps([cassette.verdict, len(cassette.interactions), cassette.warnings]))
    """

    verdict, held, warnings = result(run_program(program, project, provider.url))

    assert (verdict, held) == ("RECORDED", 2)
    assert len(warnings) == 1
    assert "'image'" in warnings[0]


EMPTIED = """return [Ask(method="POST", url=url + "/echo",
            files=(("image", "a.png", data),), form=(("prompt", "a cat"),))
            for data in {}]"""


@pytest.mark.parametrize("client", UPLOADING)
def test_5_every_client_s_emptied_upload_is_named_and_is_another_request(provider, project, client):
    found = run(provider, project, client, EMPTIED.format('(b"the picture", b"")'))

    assert (found.billed, found.counts) == (2, {"recorded": 2})
    assert len(found.warnings) == 1
    assert "the upload part 'image' is empty" in found.warnings[0]


@pytest.mark.parametrize("client", UPLOADING)
def test_5_a_miss_for_an_emptied_upload_says_to_open_the_file_anew(provider, project, client):
    run(provider, project, client, EMPTIED.format('(b"the picture",)'))
    program = f"""
        import json, sys, onetake
        from tests.support.clients import Ask, observe
        def asks(url):
            {EMPTIED.format('(b"",)')}
        try:
            with onetake.use_cassette("main"):
                observe({client!r}, asks(sys.argv[1])[0])
        except onetake.MissError as miss:
            print(json.dumps([miss.reason, str(miss)]))
    """

    reason, text = result(run_program(program, project, provider.url, ONETAKE_MODE="replay"))

    assert reason == "upload"
    assert "part.image.content" in text
    assert "seek(0)" in text
    assert provider.billed() == 1


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_10_polling_replays_in_order_and_a_poll_more_is_exhausted(provider, project, client):
    states = ["in_progress", "in_progress", "done", "done"]
    job = provider.script(
        {"sequence": [{"status": 200, "headers": [], "chunks": [s.encode()]} for s in states]}
    )
    found = twice(provider, project, client, f"""return [Ask(url="{job}")] * 4""")
    polled = [bytes.fromhex("".join(seen["chunks"])).decode() for seen in found.recorded.seen]
    assert polled == states
    assert found.is_faithful()

    program = f"""
        import json, sys, onetake
        from tests.support.clients import Ask, observe
        try:
            with onetake.use_cassette("main"):
                for _ in range(5):
                    observe({client!r}, Ask(url={job!r}))
        except onetake.MissError as miss:
            print(json.dumps([miss.reason, str(miss)]))
    """
    reason, text = result(run_program(program, project, provider.url, ONETAKE_MODE="replay"))

    assert reason == "exhausted"
    assert "4" in text


def test_11_three_hundred_equal_calls_at_once_have_three_hundred_answers(provider, project):
    program = """
        import asyncio, json, sys, httpx, onetake
        async def main():
            limits = httpx.Limits(max_connections=50)
            async with httpx.AsyncClient(limits=limits, timeout=60) as client:
                async def one():
                    body = {"model": "m", "messages": [{"role": "user", "content": "same"}]}
                    answer = await client.post(sys.argv[1] + "/v1/chat/completions", json=body)
                    return answer.json()["id"]
                return await asyncio.gather(*(one() for _ in range(300)))
        with onetake.use_cassette("main") as cassette:
            ids = asyncio.run(main())
        print(json.dumps([sorted(ids), cassette.verdict]))
    """

    recorded, verdict = result(run_program(program, project, provider.url))
    assert verdict == "RECORDED"
    assert provider.billed() == 300
    replayed, verdict = result(run_program(program, project, provider.url))

    assert verdict == "HIT"
    assert replayed == recorded
    assert provider.billed() == 300


MANY_AT_ONCE = {
    "httpx": """
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50), timeout=60) as client:
            return await asyncio.gather(*(client.post(url, json=BODY) for _ in range(300)))
    """,
    "httpx2": """
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=50), timeout=60) as client:
            return await asyncio.gather(*(client.post(url, json=BODY) for _ in range(300)))
    """,
    "aiohttp": """
        async def one(session):
            async with session.post(url, json=BODY) as answer:
                return await answer.read()
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(one(session) for _ in range(300)))
    """,
    "requests": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(20) as pool:
            return list(pool.map(lambda _: requests.post(url, json=BODY, timeout=60), range(300)))
    """,
}


@pytest.mark.parametrize("library", sorted(MANY_AT_ONCE))
def test_11_three_hundred_equal_calls_of_every_client_have_one_stored_body(
    provider, project, library
):
    answer = bytes(range(256)) * 100  # above the threshold of blobs
    url = provider.script(
        {"headers": [["content-type", "image/png"]], "chunks": [b"\x89PNG" + answer]}
    )
    program = f"""
        import asyncio, json, sys, {library}, onetake
        url, BODY = sys.argv[1], {{"prompt": "same"}}
        async def main():
            {textwrap.indent(textwrap.dedent(MANY_AT_ONCE[library]), " " * 12).strip()}
        with onetake.use_cassette("main") as cassette:
            found = asyncio.run(main())
        sizes = {{len(one if isinstance(one, bytes) else one.content) for one in found}}
        print(json.dumps([len(found), sorted(sizes), cassette.verdict]))
    """

    recorded = result(run_program(program, project, url))
    replayed = result(run_program(program, project, url, ONETAKE_MODE="replay"))

    assert recorded == [300, [len(answer) + 4], "RECORDED"]
    assert replayed == [300, [len(answer) + 4], "HIT"]
    assert provider.billed() == 300
    assert len(list((project / "cassettes" / "blobs").iterdir())) == 1


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
def test_12_sixty_different_calls_are_kept(provider, project, client):
    body = """return [Ask(method="POST", url=url + "/echo", json={"n": n}) for n in range(60)]"""

    found = twice(provider, project, client, body)

    assert found.is_faithful()
    assert found.recorded.billed == 60
    assert len(found.interactions) == 60


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_15_json_lines_changed_by_a_byte_are_a_clean_miss(provider, project, client):
    lines = '{"a": 1}\\n{"b": %d}\\n'
    body = f"""return [Ask(method="POST", url=url + "/echo",
            headers=(("content-type", "application/json"),), content=b'{lines}' % n)]"""
    run(provider, project, client, body)
    program = f"""
        import json, sys, onetake
        from tests.support.clients import Ask, observe
        url = sys.argv[1]
        def asks(url, n):
            {body}
        try:
            with onetake.use_cassette("main"):
                observe({client!r}, asks(url, 2)[0])
        except onetake.MissError as miss:
            print(json.dumps(str(miss)))
    """

    text = result(run_program(program, project, provider.url, ONETAKE_MODE="replay"))

    assert "/echo" in text
    assert "b" in text
    assert provider.billed() == 1
