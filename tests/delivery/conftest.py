"""What many tests of delivery stand on."""

from collections.abc import AsyncIterator

import pytest
from scripted_server import LOOPBACK

from offhook.clock import SystemClock
from offhook.delivery.transport import AiohttpTransport


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    """A transport that may reach this machine."""
    made = AiohttpTransport(clock=SystemClock(), allowed=LOOPBACK)
    yield made
    await made.close()
