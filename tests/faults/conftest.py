"""What the modules beside the tests assert is explained as fully as what tests do."""

import pytest

pytest.register_assert_rewrite(
    "call_load", "counting_receiver", "fleet", "lookout", "server_process", "trial"
)
