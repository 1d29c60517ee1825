// The calls that cos-nodejs-sdk-v5 and cos-js-sdk-v5 have in common, under every mode, one row each.
//
// The two have the same names for almost everything. What differs is in a `kit`: `sdk`, `store`, `told`, and
// `fresh(cached)`, a client as a program or page has that has just begun, with or without the upload ids that were kept;
// `settled()`, which waits until those are kept; `body(bytes)`, `bytes(answer)`, and `file(path)`, which names a file.

import { readFileSync } from "node:fs";

import { MODES, contradiction, customer, encryption } from "./encryption.mjs";

const MIB = 1 << 20;

// What came, where it is not what was wanted; it goes into the table, and must not change from run to run.
class Otherwise extends Error {}

function problem(error) {
  if (error instanceof Otherwise) return error.message;
  // Where there was no document, as after HEAD, the SDKs make up a code of the status or of the class.
  const told = error?.code && ![String(error.statusCode), "Error"].includes(String(error.code));
  if (error?.statusCode) return told ? `${error.statusCode} ${error.code}` : String(error.statusCode);
  return String(error?.message ?? error).slice(0, 120);
}

class Client {
  constructor(kit, mode) {
    Object.assign(this, { kit, mode, told: kit.told });
    this.cos = kit.fresh(false);
    this.small = readFileSync(kit.told.small);
    this.large = readFileSync(kit.told.large);
    this.writing = encryption(kit.told, mode);
    this.reading = mode === "customer" ? customer(kit.told.customer_key) : {};
  }

  at(name) {
    return { Bucket: this.told.bucket, Region: this.told.region, Key: `${this.kit.sdk}/${this.mode}/${name}` };
  }

  async row(call, body) {
    let fields;
    try {
      fields = ["green", await body()];
    } catch (error) {
      fields = ["other", problem(error)];
    }
    fields = [this.kit.sdk, this.kit.store, call, this.mode, ...fields];
    process.stdout.write(`${fields.map((it) => String(it).split(/\s+/).join(" ").trim()).join("\t")}\n`);
  }

  async refused(call, body) {
    await this.row(call, async () => {
      try {
        await body();
      } catch (error) {
        if ([400, 403].includes(error?.statusCode)) return `refused, ${problem(error)}`;
        throw error;
      }
      throw new Otherwise("was not refused");
    });
  }

  confirmed(headers) {
    const wrong = contradiction(this.told, this.mode, headers);
    if (wrong) throw new Otherwise(`done, but ${wrong}`);
    return this.mode === "none" ? "" : ", confirmed";
  }

  async get(name, more = {}) {
    return this.cos.getObject({ ...this.at(name), ...this.kit.reading, ...this.reading, ...more });
  }

  // Reads an object back, and compares its bytes and the confirmation of its encryption.
  async same(name, expected, more = {}) {
    const answer = await this.get(name, more);
    if (!(await this.kit.bytes(answer)).equals(expected)) throw new Otherwise("other bytes");
    return `same bytes${this.confirmed(answer.headers)}`;
  }

  // An upload whose own answer confirms the encryption, too.
  async wrote(answer, name, expected) {
    this.confirmed(answer.headers);
    return this.same(name, expected);
  }
}

async function objects(it) {
  const at = it.at("small");
  await it.row("putObject", async () => {
    const answer = await it.cos.putObject({ ...at, Body: it.kit.body(it.small), ...it.writing });
    return it.wrote(answer, "small", it.small);
  });
  await it.row("headObject", async () => {
    const { headers } = await it.cos.headObject({ ...at, ...it.reading });
    if (Number(headers["content-length"]) !== it.small.length) throw new Otherwise(`${headers["content-length"]} bytes`);
    return `size${it.confirmed(headers)}`;
  });
  await it.row("getObject", () => it.same("small", it.small));
  await it.row("getObject, a range", () =>
    it.same("small", it.small.subarray(1000, 4096), { Range: "bytes=1000-4095" }),
  );
  if (it.mode !== "customer") return;
  for (const [name, key] of [
    ["no key", {}],
    ["a wrong key", customer(it.told.wrong_key)],
  ]) {
    await it.refused(`headObject, ${name}`, () => it.cos.headObject({ ...at, ...key }));
    await it.refused(`getObject, ${name}`, () => it.cos.getObject({ ...at, ...key }));
    await it.refused(`getObject, a range, ${name}`, () => it.cos.getObject({ ...at, Range: "bytes=0-9", ...key }));
  }
}

async function parts(it) {
  const at = it.at("by parts");
  const sent = [];
  let UploadId;
  await it.row("multipartInit", async () => {
    ({ UploadId } = await it.cos.multipartInit({ ...at, ...it.writing }));
    return "an upload";
  });
  await it.row("multipartList", async () => {
    const { Upload } = await it.cos.multipartList({ Bucket: at.Bucket, Region: at.Region, Prefix: at.Key });
    if (Upload.length !== 1 || Upload[0].Key !== at.Key || Upload[0].UploadId !== UploadId) {
      throw new Otherwise("lists others");
    }
    return "the upload";
  });
  if (it.mode === "customer") {
    for (const [name, key] of [
      ["no key", {}],
      ["a wrong key", customer(it.told.wrong_key)],
    ]) {
      const part = { ...at, UploadId, PartNumber: 1, Body: it.kit.body(it.small), ...key };
      await it.refused(`multipartUpload, ${name}`, () => it.cos.multipartUpload(part));
    }
  }
  await it.row("multipartUpload", async () => {
    let confirmed;
    for (let first = 0; first < it.large.length; first += MIB) {
      const PartNumber = sent.length + 1;
      const Body = it.kit.body(it.large.subarray(first, first + MIB));
      const answer = await it.cos.multipartUpload({ ...at, UploadId, PartNumber, Body, ...it.reading });
      confirmed = it.confirmed(answer.headers);
      sent.push({ PartNumber, ETag: answer.ETag });
    }
    return `${sent.length} parts${confirmed}`;
  });
  await it.row("multipartListPart", async () => {
    const { Part } = await it.cos.multipartListPart({ ...at, UploadId });
    const found = JSON.stringify(Part.map((part) => [Number(part.PartNumber), Number(part.Size)]));
    if (found !== JSON.stringify([[1, MIB], [2, MIB], [3, MIB], [4, 17]])) throw new Otherwise(`lists ${found}`);
    return "4 parts with their sizes";
  });
  await it.row("multipartComplete", async () => {
    return it.wrote(await it.cos.multipartComplete({ ...at, UploadId, Parts: sent }), "by parts", it.large);
  });
  await it.row("multipartAbort", async () => {
    const one = { ...it.at("aborted"), ...(await it.cos.multipartInit({ ...it.at("aborted"), ...it.writing })) };
    const upload = { ...it.at("aborted"), UploadId: one.UploadId };
    await it.cos.multipartAbort(upload);
    try {
      await it.cos.multipartListPart(upload);
    } catch (error) {
      if (error.code === "NoSuchUpload") return "the upload is gone";
      throw error;
    }
    throw new Otherwise("the upload is still there");
  });
}

// To this mode, from an object without encryption and from one under another customer key.
async function copies(it) {
  const other = customer(it.told.wrong_key);
  const prefix = "x-cos-copy-source-server-side-encryption-customer-";
  // The SDKs have no names of their own for these.
  const unlocking = {
    [`${prefix}algorithm`]: "AES256",
    [`${prefix}key`]: it.told.wrong_key.key,
    [`${prefix}key-MD5`]: it.told.wrong_key.md5,
  };
  for (const [name, bytes] of [["source", it.small], ["large source", it.large]]) {
    const Body = it.kit.body(bytes);
    await it.cos.putObject({ ...it.at(name), Body });
    await it.cos.putObject({ ...it.at(`locked ${name}`), Body, ...other });
  }
  const source = (name) => {
    const { Bucket, Region, Key } = it.at(name);
    return `${Bucket}.cos.${Region}.myqcloud.com/${encodeURIComponent(Key)}`;
  };
  const copy = async (name, Headers = {}) => {
    await it.cos.putObjectCopy({ ...it.at("copied"), CopySource: source(name), Headers: { ...Headers }, ...it.writing });
    return it.same("copied", it.small);
  };
  const apart = async (name, Headers = {}) => {
    const at = it.at("apart");
    const { UploadId } = await it.cos.multipartInit({ ...at, ...it.writing });
    const Parts = [];
    for (const range of [`0-${MIB - 1}`, `${MIB}-${it.large.length - 1}`]) {
      const PartNumber = Parts.length + 1;
      const CopySourceRange = `bytes=${range}`;
      const part = { ...at, UploadId, PartNumber, CopySource: source(name), CopySourceRange, ...it.reading };
      const { ETag } = await it.cos.uploadPartCopy({ ...part, Headers: { ...Headers } });
      Parts.push({ PartNumber, ETag });
    }
    await it.cos.multipartComplete({ ...at, UploadId, Parts });
    return it.same("apart", it.large);
  };
  const sliced = async (name, size, Headers = {}) => {
    const given = { ...it.at("sliced copy"), CopySource: source(name), ...it.writing, Headers: { ...Headers } };
    // Everything goes in parts that is not smaller than `size`; by default from 10 MiB on.
    await it.cos.sliceCopyFile({ ...given, CopySliceSize: size, CopyChunkSize: MIB });
    // Read without a key, as one who does not know what became of it.
    const { headers } = await it.cos.headObject(it.at("sliced copy")).catch(() => ({ headers: undefined }));
    const plain = headers && !Object.keys(headers).some((each) => each.includes("server-side-encryption"));
    if (plain && it.mode !== "none") throw new Otherwise("done, but without encryption");
    return it.same("sliced copy", it.large);
  };
  const replaced = { "x-cos-metadata-directive": "Replaced" };
  await it.row("putObjectCopy", () => copy("source"));
  await it.row("putObjectCopy of a customer key's", () => copy("locked source", unlocking));
  await it.refused("putObjectCopy of a customer key's, no key", () => copy("locked source"));
  await it.row("uploadPartCopy", () => apart("large source"));
  await it.row("uploadPartCopy of a customer key's", () => apart("locked large source", unlocking));
  await it.row("sliceCopyFile, small", () => sliced("large source", 10 * MIB));
  await it.row("sliceCopyFile, in parts", () => sliced("large source", MIB));
  await it.row("sliceCopyFile, in parts, metadata replaced", () => sliced("large source", MIB, replaced));
  await it.row("sliceCopyFile of a customer key's", () => sliced("locked large source", MIB, unlocking));
}

async function files(it) {
  const upload = async (call, name, path, expected) => {
    const answer = await it.cos[call]({ ...it.at(name), ...it.kit.file(path), SliceSize: MIB, ChunkSize: MIB, ...it.writing });
    return it.wrote(answer, name, expected);
  };
  // Cut off before part 3; what goes on is a new program or page, with what it keeps of upload ids or without.
  const resumed = async (name, cached) => {
    const given = { ...it.at(name), ChunkSize: MIB, AsyncLimit: 1, ...it.writing };
    const cut = it.kit.fresh(false);
    const part = cut.multipartUpload;
    cut.multipartUpload = (params, done) =>
      params.PartNumber === 3 ? done({ cut: true }) : part.call(cut, params, done);
    try {
      await cut.sliceUploadFile({ ...given, ...it.kit.file(it.told.large) });
      throw new Otherwise("the cut was not noticed");
    } catch (error) {
      if (!error.cut) throw error;
    }
    await it.kit.settled();
    const resuming = it.kit.fresh(cached);
    const real = resuming.multipartUpload;
    let sent = 0;
    resuming.multipartUpload = (params, done) => {
      sent += 1;
      return real.call(resuming, params, done);
    };
    await resuming.sliceUploadFile({ ...given, ...it.kit.file(it.told.large) });
    await it.same(name, it.large);
    if (sent === 2) return "went on: sent the 2 missing parts of 4; same bytes";
    const { Upload } = await it.cos.multipartList({ ...it.at(name), Key: undefined, Prefix: it.at(name).Key });
    throw new Otherwise(`began anew: sent ${sent} of 4 parts where 2 were missing, left ${Upload.length} upload behind`);
  };
  await it.row("uploadFile, small", () => upload("uploadFile", "by small file", it.told.small, it.small));
  await it.row("uploadFile", () => upload("uploadFile", "by file", it.told.large, it.large));
  await it.row("sliceUploadFile", () => upload("sliceUploadFile", "sliced", it.told.large, it.large));
  await it.row("sliceUploadFile, resumed with its cache", () => resumed("resumed", true));
  await it.row("sliceUploadFile, resumed without its cache", () => resumed("resumed elsewhere", false));
  // Whatever came of the uploads, there is something to load down.
  await it.kit.download?.(it, { MIB, Otherwise });
}

export async function everything(kit) {
  for (const mode of MODES) {
    const it = new Client(kit, mode);
    for (const calls of [objects, parts, copies, files]) await calls(it);
  }
}
