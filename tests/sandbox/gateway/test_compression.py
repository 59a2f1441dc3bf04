"""A compressed connection is one stream that is flushed after each message."""

import zlib

import pytest
import zstandard

from sandbox.discord.compression import create_compressor
from sandbox.server import SandboxServer
from tests.harness.websocket import open_gateway


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_a_session_over_each_transport(
    sandbox: SandboxServer, gateway_url: str, compress: str | None
) -> None:
    async with open_gateway(gateway_url, compress=compress) as client:
        await client.identify(sandbox.world.token, intents=1, compress=True)
        await client.assert_no_event()


def test_zlib_messages_end_in_a_sync_flush_and_share_one_dictionary() -> None:
    stream = create_compressor("zlib-stream")
    assert stream is not None
    first, second = stream.compress("clapper " * 50), stream.compress("clapper " * 50)
    assert first.endswith(b"\x00\x00\xff\xff")
    assert second.endswith(b"\x00\x00\xff\xff")
    reader = zlib.decompressobj()
    assert reader.decompress(first) == reader.decompress(second) == b"clapper " * 50
    with pytest.raises(zlib.error):
        zlib.decompressobj().decompress(second)


def test_zstd_messages_are_readable_one_by_one_but_not_alone() -> None:
    stream = create_compressor("zstd-stream")
    assert stream is not None
    first, second = stream.compress("clapper " * 50), stream.compress("clapper " * 50)
    reader = zstandard.ZstdDecompressor().decompressobj()
    assert reader.decompress(first) == reader.decompress(second) == b"clapper " * 50
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompressobj().decompress(second)
