"""Lets pods reach ports of this machine's loopback: `python relay.py ADDRESS PORT...`.

It listens on ADDRESS alone (the one at which a test cluster's pods see this machine) and passes each connection on to
127.0.0.1, same port, until it is ended. The lab itself listens on 127.0.0.1 only, with or without it.
"""

import asyncio
import sys
from contextlib import suppress

CHUNK = 65536


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes in, then its end."""
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def serve(address: str, port: int) -> None:
    """Until it is ended."""
    at_work = set[asyncio.Task[None] | None]()  # asyncio itself would let them go in the middle

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(task := asyncio.current_task())
        with suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pass_on(reader, back), pass_on(there, writer))
            back.close()
        writer.close()
        at_work.discard(task)

    await (await asyncio.start_server(connected, address, port)).serve_forever()


async def main() -> None:
    """The command line."""
    address, *ports = sys.argv[1:]
    await asyncio.gather(*(serve(address, int(port)) for port in ports))


if __name__ == "__main__":
    asyncio.run(main())
