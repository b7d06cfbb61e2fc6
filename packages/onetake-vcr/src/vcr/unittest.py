"""Test cases that run inside a cassette each."""

from __future__ import annotations

import inspect
import os
import unittest
from typing import Any

from vcr.config import VCR


class VCRMixin:
    """Beside a `unittest.TestCase`: each test has `self.cassette`, by default
    `cassettes/Class.method.yaml` next to the file of the class. Override the methods to change that."""

    vcr_enabled = True

    def setUp(self) -> None:
        case: Any = super()
        case.setUp()
        if self.vcr_enabled:
            vcr = self._get_vcr(**self._get_vcr_kwargs())
            entered = vcr.use_cassette(self._get_cassette_name())
            self.cassette = entered.__enter__()
            test: Any = self
            test.addCleanup(entered.__exit__, None, None, None)

    def _get_vcr(self, **kwargs: Any) -> Any:
        if "cassette_library_dir" not in kwargs:
            kwargs["cassette_library_dir"] = self._get_cassette_library_dir()
        return VCR(**kwargs)

    def _get_vcr_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    def _get_cassette_library_dir(self) -> str:
        return os.path.join(os.path.dirname(inspect.getfile(type(self))), "cassettes")

    def _get_cassette_name(self) -> str:
        test: Any = self
        return f"{type(self).__name__}.{test._testMethodName}.yaml"


class VCRTestCase(VCRMixin, unittest.TestCase):
    """A test case with a cassette."""
