"""Every declared error has a stable code, and stands in the tree its module draws."""

import re

from marhaba.kernel import errors
from marhaba.kernel.errors import BadInput, LimitReached, MarhabaError, Refused


def test_each_error_has_a_code_of_its_own_unless_a_narrower_one_is_given() -> None:
    kinds = (MarhabaError, Refused, BadInput, LimitReached)
    assert [kind("why").code for kind in kinds] == ["error", "refused", "bad-input", "limit-reached"]
    narrow = Refused("agent amal is not ready", code="agent-not-ready")
    assert (narrow.code, str(narrow)) == ("agent-not-ready", "agent amal is not ready")
    assert Refused.code == "refused"


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"^ +(?:[├└]── )?([A-Z][A-Za-z]+) ", errors.__doc__ or "", re.MULTILINE)
    assert drawn[0] == "MarhabaError"
    assert set(drawn[1:]) == {kind.__name__ for kind in (Refused, BadInput, LimitReached)}
    assert all(issubclass(getattr(errors, name), MarhabaError) for name in drawn)
