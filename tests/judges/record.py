"""A recording proxy: ends TLS as the store's hosts, writes down every request's head, and hands it on unchanged.

    record.py --upstream HOST:PORT --upstream-ca PEM --region REGION --folder DIR

Listens on a free port of 127.0.0.1 and makes itself a certificate authority (`DIR/ca.pem`) with openssl. Once ready
it writes the port to `DIR/port`. Each request becomes one JSON line of `DIR/requests.jsonl`: method, target as sent,
headers in their order. Ends when its parent does, or by signal.
"""

import argparse
import asyncio
import json
import pathlib
import ssl
import subprocess

LONGEST_HEAD = 1 << 20


def make_certificates(folder, region):
    """An authority, and a certificate by it for the hosts of a region."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    fresh_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(
        "req", "-x509", *fresh_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=recording proxy",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    openssl("req", "-new", *fresh_key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=store")
    names = [f"DNS:*.cos.{region}.myqcloud.com", f"DNS:cos.{region}.myqcloud.com"]
    (folder / "leaf.ext").write_text(
        f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n"
    )
    openssl(
        "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "leaf.ext", "-out", "leaf.pem",
    )  # fmt: skip


def parse_head(head):
    """Method, target and headers of a request, as they stand on the wire."""
    first, *lines = head[:-4].decode("utf-8", "surrogateescape").split("\r\n")
    method, target, _version = first.split(" ")
    headers = []
    for line in lines:
        name, value = line.split(":", 1)
        headers.append([name, value.strip(" \t")])
    return method, target, headers


class Recorder:
    def __init__(self, upstream, upstream_ca, log):
        self.host, port = upstream.rsplit(":", 1)
        self.port = int(port)
        self.trust = ssl.create_default_context(cafile=upstream_ca)
        self.log = log

    async def serve(self, reader, writer):
        """One connection of the client, with one of its own to the store."""
        back = upstream = None
        try:
            while head := await self.next_head(reader):
                method, target, headers = parse_head(head)
                fields = {name.lower(): value for name, value in headers}
                self.log.write(json.dumps({"method": method, "target": target, "headers": headers}) + "\n")
                self.log.flush()
                if upstream is None:
                    name = fields["host"].rsplit(":", 1)[0]
                    store, upstream = await asyncio.open_connection(
                        self.host, self.port, ssl=self.trust, server_hostname=name
                    )
                    back = asyncio.create_task(self.copy(store, writer))
                upstream.write(head)
                await self.copy_body(fields, reader, upstream)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # either side may go at any time; what matters is on record
        finally:
            if back is not None:
                if upstream.can_write_eof():
                    upstream.write_eof()
                back.cancel()
            for side in (upstream, writer):
                if side is not None:
                    side.close()

    @staticmethod
    async def next_head(reader):
        """The next request's head, or nothing where the client is done."""
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise
            return None

    @staticmethod
    async def copy_body(fields, reader, upstream):
        """Hands a request's body on, whichever way its length is told."""
        if "chunked" in fields.get("transfer-encoding", "").lower():
            while True:
                line = await reader.readuntil(b"\r\n")
                upstream.write(line)
                size = int(line.split(b";")[0], 16)
                upstream.write(await reader.readexactly(size + 2))
                await upstream.drain()
                if size == 0:
                    return
        left = int(fields.get("content-length", "0"))
        while left:
            block = await reader.read(min(left, 1 << 18))
            if not block:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(block)
            upstream.write(block)
            await upstream.drain()

    @staticmethod
    async def copy(store, writer):
        """Hands the answers back, until the store closes."""
        try:
            while block := await store.read(1 << 18):
                writer.write(block)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        writer.close()


async def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--upstream", "--upstream-ca", "--region", "--folder"):
        arguments.add_argument(name, required=True)
    given = arguments.parse_args()
    folder = pathlib.Path(given.folder)
    make_certificates(folder, given.region)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    context.set_alpn_protocols(["http/1.1"])
    with open(folder / "requests.jsonl", "a", encoding="utf-8") as log:
        recorder = Recorder(given.upstream, given.upstream_ca, log)
        server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, ssl=context, limit=LONGEST_HEAD)
        port = server.sockets[0].getsockname()[1]
        (folder / "port.new").write_text(str(port))
        (folder / "port.new").rename(folder / "port")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
