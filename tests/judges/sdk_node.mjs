// cos-nodejs-sdk-v5 as a client: every call under every mode, one row each.
//
//     node sdk_node.mjs FOLDER STORE NODE_MODULES
//
// FOLDER has the manifest; STORE is the folder of one store: its name, and its tunnel's `port`.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { everything } from "./sdk_calls.mjs";

const [folder, store, modules] = process.argv.slice(2);
const require = createRequire(join(modules, "resolve.js"));
const told = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const kept = join(store, "kept by node");

// As in a process that has just been started: a module keeps what is under way in variables.
function fresh(cached) {
  if (!cached) rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  for (const name of Object.keys(require.cache)) {
    if (name.includes("cos-nodejs-sdk-v5")) delete require.cache[name];
  }
  const COS = require("cos-nodejs-sdk-v5");
  return new COS({
    SecretId: told.secret_id,
    SecretKey: told.secret_key,
    Protocol: "https:",
    Proxy: `http://127.0.0.1:${readFileSync(join(store, "port"), "utf8")}`,
    ConfCwd: kept,
    // No second host, no second try at a chunk: what is refused must be refused at once.
    AutoSwitchHost: false,
    ChunkRetryTimes: 0,
  });
}

// Only this SDK has a download of its own.
async function download(it, { MIB, Otherwise }) {
  await it.row("downloadFile", async () => {
    const target = join(store, "downloaded");
    await it.cos.downloadFile({ ...it.at("by parts"), FilePath: target, ChunkSize: MIB, onProgress() {}, ...it.reading });
    if (!readFileSync(target).equals(it.large)) throw new Otherwise("other bytes");
    return "same bytes";
  });
}

await everything({
  sdk: "cos-nodejs-sdk-v5",
  store: basename(store),
  told,
  fresh,
  download,
  reading: {},
  body: (bytes) => bytes,
  bytes: async (answer) => Buffer.from(answer.Body),
  file: (path) => ({ FilePath: path }),
  // The SDK writes them down 400 ms later (sdk/session.js, `save`).
  settled: () => setTimeout(600),
});
