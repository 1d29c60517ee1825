// As much of a browser as cos-js-sdk-v5 needs: XMLHttpRequest over TLS, FileReader, localStorage.
//
// Every host of the region is dialled at the one store that is judged; its name and certificate are checked. No call
// asks by OPTIONS first whether it may: there is no page, and no other origin.

import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect } from "node:tls";

// What a page cannot set (the Fetch standard, "forbidden request-header").
const FORBIDDEN = ["content-length", "cookie", "host", "origin", "referer", "user-agent"];

class XMLHttpRequest {
  static dial;
  upload = {};
  responseType = "";
  response = "";
  status = 0;
  statusText = "";
  timeout = 0;
  #headers = {};
  #answered = [];

  open(method, url) {
    Object.assign(this, { method, url: new URL(url) });
  }

  setRequestHeader(name, value) {
    if (!FORBIDDEN.includes(name.toLowerCase())) this.#headers[name] = value;
  }

  getAllResponseHeaders() {
    return this.#answered.map(([name, value]) => `${name.toLowerCase()}: ${value}`).join("\r\n");
  }

  async send(body) {
    const bytes = body instanceof Blob ? Buffer.from(await body.arrayBuffer()) : Buffer.from(body ?? "");
    const typed = Object.keys(this.#headers).some((it) => it.toLowerCase() === "content-type");
    const type = body instanceof Blob ? body.type : typeof body === "string" && body ? "text/plain;charset=UTF-8" : "";
    if (!typed && type) this.#headers["Content-Type"] = type;
    if (bytes.length || ["POST", "PUT"].includes(this.method)) this.#headers["Content-Length"] = bytes.length;
    const { method } = this;
    this.sent = request(this.url, { method, headers: this.#headers, agent: XMLHttpRequest.dial }, (answer) => {
      const blocks = [];
      answer.on("data", (block) => blocks.push(block));
      answer.on("error", (cause) => this.onerror?.(cause));
      answer.on("end", () => {
        this.status = answer.statusCode;
        this.statusText = answer.statusMessage;
        for (let at = 0; at < answer.rawHeaders.length; at += 2) this.#answered.push(answer.rawHeaders.slice(at, at + 2));
        this.response = this.#read(Buffer.concat(blocks));
        this.onload?.();
      });
    });
    this.sent.on("error", (cause) => this.onerror?.(cause));
    this.sent.end(bytes);
  }

  #read(bytes) {
    if (this.responseType === "arraybuffer") return Uint8Array.from(bytes).buffer;
    if (this.responseType === "blob") return new Blob([bytes]);
    this.responseText = bytes.toString();
    return this.responseText;
  }

  abort() {
    this.sent?.destroy();
  }
}

class FileReader {
  #read(blob, shape) {
    blob.arrayBuffer().then(
      (bytes) => {
        this.result = shape(Buffer.from(bytes));
        this.onload?.({ target: this });
      },
      (cause) => this.onerror?.(cause),
    );
  }

  readAsArrayBuffer(blob) {
    this.#read(blob, (bytes) => Uint8Array.from(bytes).buffer);
  }

  readAsBinaryString(blob) {
    this.#read(blob, (bytes) => bytes.toString("latin1"));
  }

  readAsText(blob) {
    this.#read(blob, (bytes) => bytes.toString());
  }
}

class Storage {
  #kept = new Map();

  getItem(name) {
    return this.#kept.get(name) ?? null;
  }

  setItem(name, value) {
    this.#kept.set(name, String(value));
  }

  removeItem(name) {
    this.#kept.delete(name);
  }

  clear() {
    this.#kept.clear();
  }
}

// Makes this process that browser; `port` is the store's.
export function become(port, authority) {
  const ca = readFileSync(authority);
  const dial = new Agent({ keepAlive: true });
  dial.createConnection = ({ servername, host }) =>
    connect({ host: "127.0.0.1", port, servername: servername || host, ca });
  XMLHttpRequest.dial = dial;
  Object.assign(globalThis, { XMLHttpRequest, FileReader, localStorage: new Storage() });
  return () => dial.destroy();
}
