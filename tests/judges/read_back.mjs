// cos-nodejs-sdk-v5 reads back what sealift uploaded, and uploads for sealift to read.
//
//     node read_back.mjs FOLDER NODE_MODULES

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { MODES, contradiction, customer, encryption } from "./encryption.mjs";

const [folder, modules] = process.argv.slice(2);
const COS = createRequire(join(modules, "resolve.js"))("cos-nodejs-sdk-v5");
const told = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const where = { Bucket: told.bucket, Region: told.region };

const cos = new COS({
  SecretId: told.secret_id,
  SecretKey: told.secret_key,
  Protocol: "https:",
  // The store's authority is in NODE_EXTRA_CA_CERTS.
  Proxy: `http://127.0.0.1:${readFileSync(join(folder, "tunnel", "port"), "utf8")}`,
  // No second host, no second try at a chunk: what is refused must be refused at once.
  AutoSwitchHost: false,
  ChunkRetryTimes: 0,
});

let given = 0;

function say(check, name, passed, detail = "") {
  given += 1;
  const fields = [passed ? "pass" : "FAIL", "cos: cos-nodejs-sdk-v5", check, name, String(detail)];
  console.log(fields.map((it) => it.split(/\s+/).join(" ").trim()).join("\t"));
}

async function trial(check, name, body) {
  try {
    await body();
    say(check, name, true);
  } catch (error) {
    const what = error.statusCode ? `${error.statusCode} ${error.code}: ${error.message}` : error.message ?? error;
    say(check, name, false, what);
  }
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

async function refused(check, name, call) {
  await trial(check, name, async () => {
    let answer;
    try {
      answer = await call();
    } catch (error) {
      must([400, 403].includes(error.statusCode), `refused with ${error.statusCode} ${error.code}`);
      return;
    }
    throw new Error(`was not refused: ${answer.statusCode}`);
  });
}

function checkEcho(mode, headers) {
  const wrong = contradiction(told, mode, headers);
  must(!wrong, wrong);
}

async function readBack(it) {
  const at = { ...where, Key: it.key };
  const key = it.mode === "customer" ? customer(told.customer_key) : {};
  await trial("headObject", it.key, async () => {
    const answer = await cos.headObject({ ...at, ...key });
    must(Number(answer.headers["content-length"]) === it.size, `${answer.headers["content-length"]} bytes`);
    checkEcho(it.mode, answer.headers);
  });
  await trial("getObject", it.key, async () => {
    const answer = await cos.getObject({ ...at, ...key });
    const body = Buffer.from(answer.Body);
    must(body.equals(readFileSync(it.source)), `${body.length} bytes, and not those of the source`);
    checkEcho(it.mode, answer.headers);
  });
  if (it.mode !== "customer") return;
  for (const [name, wrong] of [
    ["no key", {}],
    ["a wrong key", customer(told.wrong_key)],
  ]) {
    await refused(`getObject with ${name}`, it.key, () => cos.getObject({ ...at, ...wrong }));
    await refused(`headObject with ${name}`, it.key, () => cos.headObject({ ...at, ...wrong }));
  }
}

// Part by part: the SDK's own high-level upload forgets the customer key on the parts.
async function inParts(at, body, mode) {
  const { UploadId } = await cos.multipartInit({ ...at, ...encryption(told, mode) });
  const parts = [];
  for (let first = 0; first < body.length; first += told.part_size) {
    const part = {
      ...at,
      UploadId,
      PartNumber: parts.length + 1,
      Body: body.subarray(first, first + told.part_size),
      ...(mode === "customer" ? customer(told.customer_key) : {}),
    };
    const { ETag } = await cos.multipartUpload(part);
    parts.push({ PartNumber: part.PartNumber, ETag });
  }
  return cos.multipartComplete({ ...at, UploadId, Parts: parts });
}

async function upload(mode) {
  const small = { ...where, Key: `${mode}/by node/small (1).bin` };
  await trial("putObject", mode, async () => {
    const answer = await cos.putObject({ ...small, Body: readFileSync(told.small), ...encryption(told, mode) });
    checkEcho(mode, answer.headers);
  });
  const large = { ...where, Key: `${mode}/by node/large (1).bin` };
  await trial("multipartUpload", mode, async () => {
    const answer = await inParts(large, readFileSync(told.large), mode);
    must(/-4"?$/.test(answer.ETag), `not four parts: ${answer.ETag}`);
  });
  const sliced = {
    ...where,
    Key: `${mode}/by node/sliced.bin`,
    FilePath: told.large,
    ChunkSize: told.part_size,
    ...encryption(told, mode),
  };
  if (mode === "customer") {
    // It drops the customer key after the first call. A store that took those parts would keep them in the clear.
    await refused("sliceUploadFile without the key on its parts", mode, () => cos.sliceUploadFile(sliced));
  } else {
    await trial("sliceUploadFile", mode, async () => {
      await cos.sliceUploadFile(sliced);
      const answer = await cos.getObject({ ...where, Key: sliced.Key });
      must(Buffer.from(answer.Body).equals(readFileSync(told.large)), "the bytes differ");
      checkEcho(mode, answer.headers);
    });
  }
}

for (const it of told.objects) await readBack(it);
for (const mode of MODES) await upload(mode);
say("count", `at least ${2 * told.objects.length} cases`, given >= 2 * told.objects.length, `${given} cases`);
