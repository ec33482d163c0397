// Verifies webhooks of Parley (Standard Webhooks 1.0.0), with nothing but Node's own library.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 300;

/**
 * True if the sender has the secret (`whsec_…`) and signed less than five minutes ago.
 * `id`, `timestamp` and `signature` are the headers webhook-id, webhook-timestamp and webhook-signature;
 * `body` are the bytes (or the text) as they came, before anything parses them.
 */
export function verify(secret, id, timestamp, signature, body, now = Date.now() / 1000) {
  if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE_S) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from(
    "v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64"),
  );
  return signature.split(" ").some((one) => {
    const said = Buffer.from(one);
    return said.length === expected.length && timingSafeEqual(said, expected);
  });
}
