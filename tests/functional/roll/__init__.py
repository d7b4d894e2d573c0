"""The roll engine over the in-process lab, judged by the lab's history."""

import pytest

pytest.register_assert_rewrite("tests.functional.roll.harness")
