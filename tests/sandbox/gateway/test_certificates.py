"""The sandbox's certificate passes strict checks by clients."""

import asyncio
import ssl
from pathlib import Path

import pytest

from sandbox.certificates import create_loopback_tls


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_strict_client_trusts_it_by_its_authority_only(tmp_path: Path, host: str) -> None:
    tls = create_loopback_tls(tmp_path)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def read(context: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=host
        )
        data = await reader.read()
        writer.close()
        return data

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        strict = ssl.create_default_context(cafile=tls.authority_path)
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        assert await read(strict) == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            await read(ssl.create_default_context())
    assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0
