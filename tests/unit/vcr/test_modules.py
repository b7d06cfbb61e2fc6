"""Which names `import vcr` brings, and that each module can be the first that a program imports."""

from __future__ import annotations

import pytest

import vcr
from tests.support.runs import run_program
from tests.support.sources import PACKAGE

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


def test_each_module_can_be_imported_first(tmp_path):
    program = """
        import importlib, os, sys
        failed = []
        for name in sys.argv[1:]:
            child = os.fork()
            if child == 0:
                try:
                    importlib.import_module(name)
                except BaseException as error:
                    print(name, repr(error), flush=True)
                    os._exit(1)
                os._exit(0)
            failed += [name] if os.waitpid(child, 0)[1] else []
        sys.exit(", ".join(failed) or 0)
    """
    done = run_program(program, tmp_path, *MODULES)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "VCR",
        "Request",
        "mode.NEW_EPISODES",
        "default_vcr.use_cassette",
        "use_cassette",
        "cassette.Cassette",
        "errors.CannotOverwriteExistingCassetteException",
        "persisters.filesystem.FilesystemPersister",
        "serializers.yamlserializer.serialize",
        "matchers.uri",
    ],
)
def test_import_vcr_alone_brings_what_vcrpys_does(tmp_path, name):
    done = run_program(f"import vcr; vcr.{name}; from vcr import *; VCR", tmp_path)

    assert done.returncode == 0, done.stderr


def test_import_vcr_is_cheap(tmp_path):
    program = "import sys, vcr; sys.exit(len([n for n in sys.modules if n.startswith('onetake')]))"

    assert run_program(program, tmp_path).returncode == 0


@pytest.mark.parametrize("name", ["stubs", "patch"])
def test_vcrpys_insides_are_not_there(tmp_path, name):
    program = f"""
        try:
            import vcr.{name}
        except ModuleNotFoundError as error:
            assert error.name == "vcr.{name}"
        else:
            raise SystemExit("it is there")
        try:
            from vcr import {name}
        except ImportError:
            pass
        else:
            raise SystemExit("it is there")
    """
    done = run_program(program, tmp_path)

    assert done.returncode == 0, done.stderr


def test_arguments_of_vcr_may_be_given_by_position_in_vcrpys_order():
    made = vcr.VCR(None, None, (), ["key"], ["host"], "none", False, ["name"])

    assert (made.filter_query_parameters, made.ignore_hosts) == (["key"], ["host"])
    assert (made.record_mode, made.filter_headers) == (vcr.mode.NONE, ["name"])


def test_names_are_listed_before_they_are_loaded():
    assert {"VCR", "use_cassette", "cassette", "mode"} <= {*dir(vcr)}


def test_an_error_takes_any_arguments():
    assert vcr.errors.UnhandledHTTPRequestError("no", 1).message == "no 1"
