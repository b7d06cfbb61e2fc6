from __future__ import annotations

import subprocess
import sys

INSTALL = "import sys; from onetake.compat import alias; alias.install(); alias.install()\n"


def run(program: str, *path: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {list(path)!r}\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_vcr_is_the_same_modules_where_nobody_else_has_it():
    run(
        INSTALL + "before = len(sys.modules)\n"
        "assert 'vcr' not in sys.modules and 'onetake.compat.vcr' not in sys.modules\n"
        "import vcr.request, vcr.serializers.yamlserializer as one\n"
        "import onetake.compat.vcr as real, onetake.compat.vcr.request\n"
        "from onetake.compat.vcr.serializers import yamlserializer\n"
        "assert vcr is real and vcr.request is onetake.compat.vcr.request\n"
        "assert sys.modules['vcr.serializers'] is sys.modules['onetake.compat.vcr.serializers']\n"
        "assert one is yamlserializer and one.__spec__.name == one.__name__\n"
        "assert one.__name__ == 'onetake.compat.vcr.serializers.yamlserializer'\n"
        "try:\n    import vcr.stubs\nexcept ModuleNotFoundError as error:\n"
        "    assert error.name == 'vcr.stubs'\nelse:\n    raise SystemExit('it is there')\n"
    )


def test_another_vcr_wins(tmp_path):
    (tmp_path / "vcr").mkdir()
    (tmp_path / "vcr" / "__init__.py").write_text("whose = 'theirs'\n")
    (tmp_path / "vcr" / "request.py").write_text("whose = 'theirs too'\n")
    said = run(INSTALL + "import vcr.request; print(vcr.whose, vcr.request.whose)", str(tmp_path))
    assert said == "theirs theirs too\n"
