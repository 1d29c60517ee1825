"""A tunnel for the SDKs: an HTTP proxy whose every CONNECT ends at the one store that is judged.

    connect.py --upstream HOST:PORT --region REGION --folder DIR

So an SDK speaks to `bucket.cos.region.myqcloud.com` with TLS from end to end, and nothing is resolved or leaves the
machine. A CONNECT to any host that is not of that region is refused. Once ready it writes its port to `DIR/port`.
"""

import argparse
import asyncio
import pathlib


async def copy(reader, writer):
    try:
        while block := await reader.read(1 << 18):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--upstream", "--region", "--folder"):
        arguments.add_argument(name, required=True)
    given = arguments.parse_args()
    host, port = given.upstream.rsplit(":", 1)

    async def serve(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target = head.split(" ", 2)[:2]
            if method != "CONNECT" or not target.endswith(f".cos.{given.region}.myqcloud.com:443"):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
                return
            store, upstream = await asyncio.open_connection(host, int(port))
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(copy(reader, upstream), copy(store, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    folder = pathlib.Path(given.folder)
    (folder / "port.new").write_text(str(server.sockets[0].getsockname()[1]))
    (folder / "port.new").rename(folder / "port")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
