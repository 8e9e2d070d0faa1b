"""A call's state as it is stored: without what is at its default, a third of the full length."""

import msgspec

from offhook.model.call import Call, CallData


class _StoredData(CallData, omit_defaults=True):
    pass


class _StoredCall(Call, omit_defaults=True):
    pass


_encode = msgspec.json.Encoder().encode
_CALL = msgspec.json.Decoder(Call)
_CALLS = msgspec.json.Decoder(list[Call])


def encode_call(call: Call) -> bytes:
    """The state as JSON."""
    data = _StoredData(*msgspec.structs.astuple(call.data))
    return _encode(_StoredCall(data, *msgspec.structs.astuple(call)[1:]))


def decode_calls(states: bytes) -> list[Call]:
    """The calls of an array of states."""
    return _CALLS.decode(states)


def decode_call(state: bytes) -> Call:
    """The call of one state."""
    return _CALL.decode(state)
