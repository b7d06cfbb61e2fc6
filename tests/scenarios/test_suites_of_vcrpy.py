"""Suites written for vcrpy, through onetake's facade: recorded in one process, replayed in another."""

from __future__ import annotations

import signal

import pytest

from tests.support.runs import result, run_program, start_program

SAME = """
    import json, sys
    import vcr
    url, client, mode = sys.argv[1:4]
    from tests.support.clients import Ask, observe
    my_vcr = vcr.VCR(cassette_library_dir="cassettes", record_mode=mode)
    seen = []
    with my_vcr.use_cassette("main.yaml") as cassette:
        for n in (1, 1, 2):
            seen.append(observe(client, Ask(method="POST", url=url + "/v1/chat/completions",
                json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": str(n)}]})))
        seen.append(observe(client, Ask(url=url + "/stream/3?size=10")))
        seen.append(observe(client, Ask(url=url + "/status/404")))
    print(json.dumps([seen, cassette.play_count, len(cassette), cassette.all_played]))
"""


@pytest.mark.parametrize("client", ["requests", "httpx", "httpx-async", "aiohttp", "urllib3"])
def test_what_one_process_recorded_another_replays(provider, project, client):
    recorded = result(run_program(SAME, project, provider.url, client, "once"))
    paid = provider.billed()
    provider.reset()

    replayed = result(run_program(SAME, project, provider.url, client, "none"))

    assert paid > 0
    assert len(provider.requests()) == 0
    assert recorded[1:] == [0, 5, False]
    assert replayed[1:] == [5, 5, True]
    assert _heads(replayed[0]) == _heads(recorded[0])
    text = (project / "cassettes" / "main.yaml").read_text()
    assert text.startswith("interactions:")
    assert text.endswith("version: 1\n")


def _heads(seen: list[dict]) -> list[tuple]:
    return [(one["status"], "".join(one["chunks"]), one["error"]) for one in seen]


def test_no_secret_reaches_a_cassette_and_its_request_is_found_all_the_same(provider, project):
    program = """
        import json, sys, requests, vcr
        key = sys.argv[2]
        with vcr.use_cassette("c.yaml", match_on=["method", "uri", "headers", "body"]) as cassette:
            answer = requests.post(sys.argv[1] + f"/echo?api_key={key}", json={"password": key},
                headers={"Authorization": f"Bearer {key}"})
        print(json.dumps([answer.status_code, cassette.play_count]))
    """
    first, second = "sk-proj-" + "a1B2" * 10, "sk-proj-" + "c3D4" * 10

    result(run_program(program, project, provider.url, first))
    replayed = result(run_program(program, project, provider.url, second))

    assert replayed == [200, 1]
    written = [one for one in project.rglob("*") if one.is_file()]
    assert not [one for one in written if first.encode() in one.read_bytes()]


def test_mode_none_sends_nothing_also_where_a_hook_leaves_a_request_out(provider, project):
    program = """
        import json, sys, requests, vcr
        from onetake.errors import MissError
        my_vcr = vcr.VCR(record_mode="none", before_record_request=lambda request: None)
        try:
            with my_vcr.use_cassette("c.yaml"):
                requests.get(sys.argv[1] + "/echo")
        except MissError as error:
            print(json.dumps(str(error)))
    """

    told = result(run_program(program, project, provider.url))

    assert len(provider.requests()) == 0
    assert "before_record_request" in told
    assert "ignore_hosts" in told


def test_ignored_hosts_pass_and_are_not_recorded(provider, project):
    program = """
        import json, sys, requests, vcr
        my_vcr = vcr.VCR(record_mode=sys.argv[2], ignore_localhost=True)
        with my_vcr.use_cassette("c.yaml") as cassette:
            answer = requests.get(sys.argv[1] + "/echo")
        print(json.dumps([answer.status_code, len(cassette)]))
    """

    assert result(run_program(program, project, provider.url, "once")) == [200, 0]
    assert result(run_program(program, project, provider.url, "none")) == [200, 0]
    assert not (project / "c.yaml").exists()


def test_a_hook_that_would_delete_what_is_stored_deletes_nothing(provider, project):
    program = """
        import json, sys, requests, vcr
        hook = None if sys.argv[2] == "plain" else lambda request: None if "keep" in request.uri else request
        my_vcr = vcr.VCR(record_mode="new_episodes", before_record_request=hook)
        with my_vcr.use_cassette("c.yaml") as cassette:
            requests.get(sys.argv[1] + "/echo?" + sys.argv[3])
        print(json.dumps(len(cassette)))
    """

    run_program(program, project, provider.url, "plain", "keep=1")
    result(run_program(program, project, provider.url, "hooked", "other=1"))

    assert "keep=1" in (project / "c.yaml").read_text()
    assert "other=1" in (project / "c.yaml").read_text()


def test_what_a_killed_process_paid_for_answers_the_next(provider, project):
    program = """
        import os, signal, sys, requests, vcr
        with vcr.use_cassette("c.yaml", record_mode="new_episodes") as cassette:
            requests.get(sys.argv[1] + "/echo?a=1")
            if sys.argv[2] == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
        print(len(cassette))
    """
    done = run_program(program, project, provider.url, "killed")

    assert done.returncode == -signal.SIGKILL
    assert result(run_program(program, project, provider.url, "whole")) == 0
    assert len(provider.requests()) == 1
    assert "/echo?a=1" in (project / "c.yaml").read_text()


def test_writers_at_the_same_time_lose_nothing(provider, project):
    program = """
        import sys, requests, vcr
        with vcr.use_cassette("c.yaml", record_mode="new_episodes"):
            for n in range(5):
                requests.get(sys.argv[1] + f"/echo?of={sys.argv[2]}.{n}")
    """
    running = [start_program(program, project, provider.url, str(n)) for n in range(4)]
    for one in running:
        one.communicate(timeout=60)
    assert [one.returncode for one in running] == [0] * 4

    text = (project / "c.yaml").read_text()
    assert all(f"of={writer}.{n}" in text for writer in range(4) for n in range(5))


def test_tasks_that_run_at_once_keep_to_their_own_cassettes(provider, project):
    program = """
        import asyncio, json, sys, httpx, vcr
        async def one(name):
            with vcr.use_cassette(f"{name}.yaml") as cassette:
                async with httpx.AsyncClient() as client:
                    for n in range(3):
                        await client.get(sys.argv[1] + f"/echo?{name}={n}")
                        await asyncio.sleep(0.01)
            return [request.uri.partition("?")[2] for request in cassette.requests]
        async def main():
            return await asyncio.gather(one("a"), one("b"))
        print(json.dumps(asyncio.run(main())))
    """

    asked = result(run_program(program, project, provider.url))

    assert asked == [[f"{name}={n}" for n in range(3)] for name in ("a", "b")]


def test_a_recorded_program_that_read_no_further_is_told_where_its_recording_ends(
    provider, project
):
    program = """
        import json, sys, urllib.request, vcr
        from onetake.errors import MissError
        with vcr.use_cassette("c.yaml"):
            answer = urllib.request.urlopen(sys.argv[1] + "/stream/200?size=1000")
            try:
                read = len(answer.read(10 if sys.argv[2] == "some" else None))
            except MissError as error:
                read = str(error)
            answer.close()
        print(json.dumps(read))
    """

    result(run_program(program, project, provider.url, "some"))

    assert result(run_program(program, project, provider.url, "some")) == 10
    assert "ends here" in result(run_program(program, project, provider.url, "all"))


def test_in_ci_a_miss_is_an_error_by_vcrpys_name(provider, project):
    program = """
        import json, sys, requests, vcr
        from vcr.errors import CannotOverwriteExistingCassetteException
        with vcr.use_cassette("c.yaml", record_mode="new_episodes") as cassette:
            try:
                requests.get(sys.argv[1] + "/echo")
            except CannotOverwriteExistingCassetteException as error:
                print(json.dumps([error.reason, error.failed_request.method, error.cassette is cassette]))
    """

    told = result(run_program(program, project, provider.url, CI="1"))

    assert told == ["cassette_not_found", "GET", True]
    assert len(provider.requests()) == 0


def test_a_hook_that_fails_is_told_at_the_end_and_nothing_is_written(provider, project):
    program = """
        import json, sys, requests, vcr
        def hook(response):
            raise LookupError("no such thing")
        try:
            with vcr.VCR(before_record_response=hook).use_cassette("c.yaml"):
                status = requests.get(sys.argv[1] + "/echo").status_code
        except LookupError as error:
            print(json.dumps([status, str(error)]))
    """

    assert result(run_program(program, project, provider.url)) == [200, "no such thing"]
    assert not (project / "c.yaml").exists()


def test_what_a_persister_cannot_save_is_kept_for_the_next_run(provider, project):
    program = """
        import json, sys, requests, vcr
        from vcr.persisters.filesystem import FilesystemPersister
        from onetake.errors import StoreError
        class Full(FilesystemPersister):
            @staticmethod
            def save_cassette(cassette_path, cassette_dict, serializer):
                raise RuntimeError("full")
        my_vcr = vcr.VCR()
        if sys.argv[2] == "full":
            my_vcr.register_persister(Full)
        try:
            with my_vcr.use_cassette("c.yaml"):
                requests.get(sys.argv[1] + "/echo")
            print("null")
        except StoreError as error:
            print(json.dumps(str(error)))
    """

    told = result(run_program(program, project, provider.url, "full"))
    result(run_program(program, project, provider.url, "mended"))

    assert "RuntimeError: full" in told
    assert "is kept in" in told
    assert len(provider.requests()) == 1
    assert "/echo" in (project / "c.yaml").read_text()


FILTERS = {
    "headers": ("filter_headers=['authorization']", "headers={'Authorization': 'Bearer ' + key}"),
    "replaced": (
        "filter_headers=[('x-thing', 'DUMMY')]",
        "headers={'X-Thing': key}",
    ),
    "query": ("filter_query_parameters=['code']", "params={'code': key}"),
    "form": ("filter_post_data_parameters=['pin']", "data={'pin': key}"),
    "hook": ("before_record_request=pop", "headers={'Authorization': 'Bearer ' + key}"),
}


@pytest.mark.parametrize("kind", FILTERS)
def test_what_a_filter_takes_out_of_a_request_is_known_in_its_answer(provider, project, kind):
    setting, sent = FILTERS[kind]
    program = f"""
        import sys, requests, vcr
        key = sys.argv[2]
        def pop(request):
            del request.headers["Authorization"]
            return request
        with vcr.VCR({setting}).use_cassette("c.yaml"):
            requests.post(sys.argv[1] + "/echo?and=" + key, **dict({sent}))
        print("null")
    """
    key = "mytokenvalue-98765abcdef"

    result(run_program(program, project, provider.url, key))

    assert key in str(provider.requests())
    written = [one for one in project.rglob("*") if one.is_file()]
    assert not [str(one) for one in written if key in one.read_text("latin-1")]


def test_a_cassette_that_cannot_be_read_is_named_with_what_is_in_the_way(provider, project):
    (project / "c.yaml").write_text(
        "<<<<<<< ours\ninteractions: []\n=======\nversion: 1\n>>>>>>> theirs\n"
    )
    program = """
        import json, vcr
        try:
            with vcr.use_cassette("c.yaml"): ...
        except ValueError as error:
            print(json.dumps(str(error)))
    """

    told = result(run_program(program, project, provider.url))

    assert told.startswith("c.yaml holds git conflict markers (line 1).")


def test_connections_that_are_somebodys_fakes_are_left_to_them(provider, project):
    """vcrpy may still be installed: its connections answer by themselves, and take no request to memory."""
    program = """
        import json, sys, onetake, urllib3
        from urllib3.connection import HTTPConnection
        class Fake(HTTPConnection):
            def request(self, *args, **kwargs): ...
            def getresponse(self):
                from urllib3.response import HTTPResponse
                answer = HTTPResponse(b"fake", status=200, request_method="GET")
                answer.retries = None
                return answer
        with onetake.use_cassette("main") as cassette:
            urllib3.HTTPConnectionPool.ConnectionCls = Fake
            urllib3.connection.HTTPConnection = Fake
            data = urllib3.PoolManager().request("GET", sys.argv[1] + "/echo").data
        print(json.dumps([data.decode(), len(cassette.calls)]))
    """

    assert result(run_program(program, project, provider.url)) == ["fake", 0]


@pytest.mark.parametrize("how", ["live", "missed", "failed"])
def test_nothing_is_dropped_as_unused_where_not_all_was_played(provider, project, how):
    program = """
        import sys, requests, vcr
        url, how = sys.argv[1:]
        try:
            with vcr.VCR(drop_unused_requests=True).use_cassette("c.yaml"):
                requests.get(url + "/echo?a")
                if how == "failed":
                    raise LookupError
                try:
                    requests.get(url + ("/echo?c" if how == "missed" else "/echo?b"))
                except Exception:
                    pass
        except LookupError:
            pass
        print("null")
    """
    result(run_program(program, project, provider.url, "recorded"))
    before = (project / "c.yaml").read_text()

    mode = {"ONETAKE_MODE": "live"} if how == "live" else {}
    result(run_program(program, project, provider.url, how, **mode))

    assert before.count("uri:") == 2
    assert (project / "c.yaml").read_text() == before


def test_a_connection_that_only_adds_to_urllib3s_is_recorded_and_replayed(provider, project):
    program = """
        import json, sys, onetake, urllib3
        from urllib3.connection import HTTPConnection
        class Counting(HTTPConnection):
            def getresponse(self, *args, **kwargs):
                return super().getresponse(*args, **kwargs)
        class Pool(urllib3.HTTPConnectionPool):
            ConnectionCls = Counting
        host, port = sys.argv[1].removeprefix("http://").split(":")
        with onetake.use_cassette("main") as cassette:
            Pool(host, int(port)).request("GET", "/echo")
        print(json.dumps(cassette.verdict))
    """

    assert result(run_program(program, project, provider.url)) == "RECORDED"
    assert result(run_program(program, project, provider.url)) == "HIT"
    assert len(provider.requests()) == 1


def test_what_a_rule_calls_secret_is_not_told_of_a_call_that_is_left_out(provider, project):
    (project / "onetake.toml").write_text('[[rules]]\nhost = "*"\nredact = ["query.ticket"]\n')
    program = """
        import json, sys, requests, vcr
        from onetake.recorder import Recorder
        opened = []
        real = Recorder.open_in
        Recorder.open_in = lambda *args, **kwargs: opened.append(real(*args, **kwargs)) or opened[-1]
        with vcr.VCR(before_record_request=lambda request: None).use_cassette("c.yaml"):
            requests.get(sys.argv[1] + "/echo?ticket=plainwordsofnoshape")
        print(json.dumps([call.url for call in opened[0].calls]))
    """

    (told,) = result(run_program(program, project, provider.url))

    assert "plainwordsofnoshape" not in told
    assert "ticket=REDACTED-rule" in told


def test_a_filter_and_a_hook_are_called_once_a_request(provider, project):
    program = """
        import json, sys, requests, vcr
        calls = []

        def hide(key, value, request):
            calls.append("filter")
            return "hidden"

        def hook(request):
            calls.append("hook")
            return request

        settings = {"filter_headers": [("x-user", hide)], "before_record_request": hook}
        with vcr.use_cassette("c.yaml", **settings):
            requests.get(sys.argv[1] + "/echo", headers={"x-user": "me"}, timeout=9)
        print(json.dumps(calls))
    """

    recorded = result(run_program(program, project, provider.url))
    replayed = result(run_program(program, project, provider.url))

    assert recorded == ["filter", "hook"]
    assert replayed == ["filter", "hook"] * 2  # once for the stored request


TWO_FRAMINGS = """
    import json, logging, sys, vcr
    from tests.support.clients import Ask, observe
    logged = []
    class Kept(logging.Handler):
        def emit(self, record):
            logged.append(record.getMessage())
    logging.getLogger().addHandler(Kept(logging.WARNING))
    def hook(answer):
        answer["headers"] |= {"Transfer-Encoding": ["chunked"], "Content-Length": ["99"]}
        return answer
    url, client, mode = sys.argv[1:]
    with vcr.use_cassette("c.yaml", record_mode=mode, before_record_response=hook):
        seen = observe(client, Ask(url=url + "/status/404"))
    print(json.dumps([seen["status"], "".join(seen["chunks"]), seen["error"], logged]))
"""


@pytest.mark.parametrize("client", ["aiohttp", "urllib3", "httpx", "requests"])
def test_an_answer_to_which_a_hook_gave_two_framings_is_read(provider, project, client):
    recorded = result(run_program(TWO_FRAMINGS, project, provider.url, client, "once"))
    replayed = result(run_program(TWO_FRAMINGS, project, provider.url, client, "none"))

    assert recorded == replayed
    assert replayed[0] == 404
    assert replayed[2:] == ["", []]


def test_a_thread_of_a_program_uses_the_cassette_that_is_open(provider, project):
    program = """
        import json, queue, sys, threading, requests, vcr
        url, mode = sys.argv[1:]
        asked, answered = queue.Queue(), queue.Queue()
        def work():
            while True:
                answered.put(requests.get(url + asked.get()).status_code)
        threading.Thread(target=work, daemon=True).start()
        seen = []
        for name in "ab":
            with vcr.use_cassette(f"{name}.yaml", record_mode=mode) as cassette:
                asked.put("/echo?" + name)
                seen.append([answered.get(timeout=20), len(cassette), cassette.play_count])
        print(json.dumps(seen))
    """

    recorded = result(run_program(program, project, provider.url, "once"))
    replayed = result(run_program(program, project, provider.url, "none"))

    assert recorded == [[200, 1, 0]] * 2
    assert replayed == [[200, 1, 1]] * 2
    assert provider.billed() == 2
