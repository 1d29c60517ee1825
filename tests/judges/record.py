"""A recording proxy: ends TLS as the store's hosts, writes down every request's head, and hands it on unchanged.

    record.py --upstream HOST:PORT --upstream-ca PEM --host NAME... --folder DIR
    record.py --upstream HOST:PORT --plain --folder DIR

Listens on a free port of 127.0.0.1 and makes itself a certificate authority (`DIR/ca.pem`) with openssl. Once ready
it writes the port to `DIR/port`. Each request becomes one JSON line of `DIR/requests.jsonl`: method, target as sent,
headers in their order. With `--plain` it speaks HTTP on both sides, and the line has the `scheme`, and the `body` in
base64 as well. Ends when its parent does, or by signal.
"""

import argparse
import asyncio
import base64
import ipaddress
import json
import pathlib
import ssl
import subprocess

LONGEST_HEAD = 1 << 20


def alternative_name(host):
    """A host as a certificate names it."""
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"


def make_certificates(folder, hosts):
    """An authority, and a certificate by it for these hosts."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    fresh_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(
        "req", "-x509", *fresh_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=recording proxy",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    openssl("req", "-new", *fresh_key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=store")
    names = ",".join(map(alternative_name, hosts))
    (folder / "leaf.ext").write_text(
        f"subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n"
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
    def __init__(self, upstream, trust, log):
        self.host, port = upstream.rsplit(":", 1)
        self.port = int(port)
        # None speaks HTTP, and keeps bodies.
        self.trust = trust
        self.log = log

    async def serve(self, reader, writer):
        """One connection of the client, with one of its own to the store."""
        back = upstream = None
        try:
            while head := await self.next_head(reader):
                method, target, headers = parse_head(head)
                fields = {name.lower(): value for name, value in headers}
                request = {"method": method, "target": target, "headers": headers}
                if self.trust:
                    self.write_down(request)
                if upstream is None:
                    name = fields["host"].rsplit(":", 1)[0] if self.trust else None
                    store, upstream = await asyncio.open_connection(
                        self.host, self.port, ssl=self.trust, server_hostname=name
                    )
                    back = asyncio.create_task(self.copy(store, writer))
                upstream.write(head)
                body = None if self.trust else bytearray()
                try:
                    await self.copy_body(fields, reader, upstream, body)
                finally:
                    if body is not None:
                        self.write_down(request | {"scheme": "http", "body": base64.b64encode(body).decode()})
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

    def write_down(self, request):
        self.log.write(json.dumps(request) + "\n")
        self.log.flush()

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
    async def copy_body(fields, reader, upstream, kept):
        """Hands a request's body on, whichever way its length is told, and keeps it as it stands where that is wanted."""

        def pass_on(block):
            upstream.write(block)
            if kept is not None:
                kept.extend(block)

        if "chunked" in fields.get("transfer-encoding", "").lower():
            while True:
                line = await reader.readuntil(b"\r\n")
                pass_on(line)
                size = int(line.split(b";")[0], 16)
                pass_on(await reader.readexactly(size + 2))
                await upstream.drain()
                if size == 0:
                    return
        left = int(fields.get("content-length", "0"))
        while left:
            block = await reader.read(min(left, 1 << 18))
            if not block:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(block)
            pass_on(block)
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
    for name in ("--upstream", "--folder"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--host", action="append")
    way = arguments.add_mutually_exclusive_group(required=True)
    way.add_argument("--upstream-ca")
    way.add_argument("--plain", action="store_true")
    given = arguments.parse_args()
    folder = pathlib.Path(given.folder)
    trust = context = None
    if not given.plain:
        trust = ssl.create_default_context(cafile=given.upstream_ca)
        make_certificates(folder, given.host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
        context.set_alpn_protocols(["http/1.1"])
    with open(folder / "requests.jsonl", "a", encoding="utf-8") as log:
        recorder = Recorder(given.upstream, trust, log)
        server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, ssl=context, limit=LONGEST_HEAD)
        port = server.sockets[0].getsockname()[1]
        (folder / "port.new").write_text(str(port))
        (folder / "port.new").rename(folder / "port")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
