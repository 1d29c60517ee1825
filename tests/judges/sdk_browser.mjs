// cos-js-sdk-v5, the SDK for browsers, as a client: every call under every mode, one row each.
//
//     node sdk_browser.mjs FOLDER STORE NODE_MODULES
//
// FOLDER has the manifest; STORE is the folder of one store: its name, `address`, and `ca`, its authority's file.

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { become } from "./browser.mjs";
import { everything } from "./sdk_calls.mjs";

const [folder, store, modules] = process.argv.slice(2);
const require = createRequire(join(modules, "resolve.js"));
const said = (name) => readFileSync(join(store, name), "utf8").trim();
const told = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const leave = become(Number(said("address").split(":")[1]), said("ca"));
// It says at length that Node.js is not what it is made for.
Object.assign(console, { log() {}, warn() {} });

// As in a page that has just been opened: a module keeps what is under way in variables.
function fresh(cached) {
  if (!cached) localStorage.clear();
  for (const name of Object.keys(require.cache)) {
    if (name.includes("cos-js-sdk-v5")) delete require.cache[name];
  }
  const COS = require("cos-js-sdk-v5");
  return new COS({
    SecretId: told.secret_id,
    SecretKey: told.secret_key,
    Protocol: "https:",
    // No second host, no second try at a chunk: what is refused must be refused at once.
    AutoSwitchHost: false,
    ChunkRetryTimes: 0,
  });
}

// A file as a page gets it from its user. `lastModifiedDate` is what the SDK knows it by, and Chromium has it.
function file(path) {
  const picked = new File([readFileSync(path)], basename(path), { lastModified: statSync(path).mtimeMs });
  picked.lastModifiedDate = new Date(picked.lastModified);
  return { Body: picked };
}

await everything({
  sdk: "cos-js-sdk-v5",
  store: basename(store),
  told,
  fresh,
  file,
  reading: { DataType: "arraybuffer" },
  body: (bytes) => new Blob([bytes]),
  bytes: async (answer) => Buffer.from(answer.Body),
  // The SDK writes them down 400 ms later (src/session.js, `save`).
  settled: () => setTimeout(600),
});
leave();
