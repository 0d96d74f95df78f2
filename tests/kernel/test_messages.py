"""What crosses the floor's socket: one JSON object a line, whatever people type into it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel.messages import Ask, Push, Reply

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(st.text(), anything, max_size=3)
messages = (
    st.builds(Ask, do=st.text(), args=tables)
    | st.builds(Reply, ok=st.booleans(), code=st.text(), message=st.text(), data=anything)
    | st.builds(Push, event=st.none() | tables, board=st.none() | tables)
)


@given(messages)
def test_a_message_is_one_line_and_comes_out_as_it_went_in(message: Ask | Reply | Push) -> None:
    line = msgspec.json.encode(message)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=type(message)) == message


def test_what_is_not_pushed_takes_no_room() -> None:
    assert msgspec.json.encode(Push(board={})) == b'{"board":{}}'
    assert msgspec.json.decode(b"{}", type=Push) == Push(event=None, board=None)


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"do":1}', b'{"do":"ready","args":[]}', b"ready"])
def test_a_line_that_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(line, type=Ask)


def test_a_request_without_arguments_has_none() -> None:
    first, second = (msgspec.json.decode(b'{"do":"board"}', type=Ask) for _ in range(2))
    first.args["agent"] = "amal"
    assert second.args == {}
