// The modes as the SDKs for Node.js and for browsers want to hear them, and what the store confirms.

export const MODES = ["none", "managed", "kms", "customer"];

export const customer = (key) => ({
  SSECustomerAlgorithm: "AES256",
  SSECustomerKey: key.key,
  SSECustomerKeyMD5: key.md5,
});

// What an upload asks for.
export const encryption = (told, mode) =>
  ({
    none: {},
    managed: { ServerSideEncryption: "AES256" },
    kms: { ServerSideEncryption: "cos/kms", SSEKMSKeyId: told.kms_key_id },
    customer: customer(told.customer_key),
  })[mode];

// What an answer's headers say otherwise than the mode wants; nothing if they confirm it.
export function contradiction(told, mode, headers) {
  const names = Object.keys(headers).filter((it) => it.includes("server-side-encryption"));
  const found = (name) => headers[`x-cos-server-side-encryption${name}`];
  const expected = {
    none: () => names.length === 0,
    managed: () => found("") === "AES256",
    kms: () => found("") === "cos/kms" && found("-cos-kms-key-id") === told.kms_key_id,
    customer: () =>
      found("-customer-algorithm") === "AES256" && found("-customer-key-md5") === told.customer_key.md5,
  };
  if (expected[mode]()) return undefined;
  return `the echo is ${JSON.stringify(names.map((it) => [it, headers[it]]))}`;
}
