// SPDX-License-Identifier: Apache-2.0
// ECIES as iExec Nox has it and its delegation protocol, on the noble libraries alone: the other side of t_ecies_npm.sh.
//   make FOLDER - SEED         a key, blobs for the module to open, texts for it to encrypt, and the answers to expect
//   check FOLDER               opens what the module encrypted
//   request FOLDER POINT       a request for delegation that a gateway signed;  answer FOLDER: checks {encryptedSharedSecret, proof}
import { readFileSync, writeFileSync } from "node:fs";
import { constants, createPublicKey, generateKeyPairSync, privateDecrypt } from "node:crypto";
import { gcm } from "@noble/ciphers/aes";
import { secp256k1 } from "@noble/curves/secp256k1";
import { hkdf } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { keccak_256 } from "@noble/hashes/sha3";
import { bytesToHex as hex, concatBytes as cat, hexToBytes as unhex, utf8ToBytes as utf8 } from "@noble/hashes/utils";

const [, , command, folder, argument, seedText] = process.argv;
const file = (name) => `${folder}/${name}`;
const field = (b) => (b.length ? hex(b) : "-");
const parse = (s) => (s === "-" ? new Uint8Array() : unhex(s));
let counter = 0;
const random = (n) => {
  const parts = [];
  for (let got = 0; got < n; got += 32) parts.push(sha256(utf8(`${seedText}/${counter++}`)));
  return cat(...parts).slice(0, n);
};
const scalar = () => {
  for (;;) {
    const s = random(32);
    if (secp256k1.utils.isValidPrivateKey(s)) return s;
  }
};
const aesKey = (x) => hkdf(sha256, x, new Uint8Array(32), "ECIES:AES_GCM:v1", 32);
const shared = (secret, point) => secp256k1.getSharedSecret(secret, point, true).slice(1);
const seal = (point, text, aad) => {
  const k = scalar();
  const nonce = random(12);
  const x = shared(k, point);
  return [cat(secp256k1.getPublicKey(k, true), nonce, gcm(aesKey(x), nonce, aad).encrypt(text)), x];
};
const open = (secret, blob, aad) => gcm(aesKey(shared(secret, blob.slice(0, 33))), blob.slice(33, 45), aad).decrypt(blob.slice(45));
const u256 = (v) => unhex(BigInt(v).toString(16).padStart(64, "0"));
const typed = (chain, salt, type, ...values) => {
  const names = "EIP712Domain(string name,string version,uint256 chainId" + (salt ? ",bytes32 salt)" : ")");
  const domain = [keccak_256(utf8(names)), keccak_256(utf8("ProtocolDelegate")), keccak_256(utf8("1")), u256(chain)];
  if (salt) domain.push(unhex(salt.slice(2)));
  const body = cat(keccak_256(utf8(type)), ...values.map((v) => keccak_256(utf8(v))));
  return keccak_256(cat(unhex("1901"), keccak_256(cat(...domain)), keccak_256(body)));
};
const address = (point) => "0x" + hex(keccak_256(point.toRawBytes(false).slice(1)).slice(12));
const die = (why) => {
  console.error(why);
  process.exit(1);
};

if (command === "make") {
  const mine = scalar();
  const point = secp256k1.getPublicKey(mine, true);
  const blobs = [];
  const want = [];
  const texts = [];
  let leading = 0;
  for (let i = 0; i < 3000; i++) {
    const text = random(i < 200 ? i : new DataView(random(4).buffer).getUint16(0) % (i % 100 ? 300 : 20000));
    const aad = i % 2 ? random(i % 40) : new Uint8Array();
    const [blob, x] = seal(point, text, aad);
    if (x[0] === 0) leading++;
    const bad = i % 10 === 9;
    if (bad) blob[33 + (i % (blob.length - 33))] ^= 1 << i % 8;
    blobs.push(`${hex(blob)} ${field(aad)}`);
    want.push(bad ? "refused" : field(text));
    texts.push(`${field(text)} ${field(aad)}`);
  }
  writeFileSync(file("blobs"), blobs.join("\n") + "\n");
  writeFileSync(file("want"), want.join("\n") + "\n");
  writeFileSync(file("texts"), texts.join("\n") + "\n");
  writeFileSync(file("secret"), hex(mine));
  console.log(`${blobs.length} blobs, ${leading} of them with a shared x that begins with a zero byte`);
} else if (command === "check") {
  const secret = unhex(readFileSync(file("secret"), "utf8"));
  const texts = readFileSync(file("texts"), "utf8").trim().split("\n");
  const theirs = readFileSync(file("theirs"), "utf8").trim().split("\n");
  if (texts.length !== theirs.length) die("blobs are missing");
  texts.forEach((line, i) => {
    const [text, aad] = line.split(" ").map(parse);
    if (hex(open(secret, unhex(theirs[i]), aad)) !== hex(text)) die(`case ${i}`);
  });
  console.log(`${texts.length} blobs of the module opened`);
} else if (command === "request") {
  const gateway = scalar();
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: Number(process.env.BITS ?? 2048) });
  const [blob, x] = seal(unhex(argument), utf8("for the requester"), new Uint8Array());
  const body = {
    ephemeralPubKey: "0x" + hex(blob.slice(0, 33)),
    targetPubKey: "0x" + publicKey.export({ type: "spki", format: "der" }).toString("hex"),
  };
  const digest = typed(36963, null, "DelegateAuthorization(string ephemeralPubKey,string targetPubKey)", body.ephemeralPubKey, body.targetPubKey);
  const sig = secp256k1.sign(digest, gateway);
  const authorization = "Bearer 0x" + sig.toCompactHex() + (27 + sig.recovery).toString(16);
  writeFileSync(file("request"), JSON.stringify({ ...body, authorization, chain_id: 36963, salt: "0x" + hex(random(32)) }));
  writeFileSync(file("gateway"), address(secp256k1.ProjectivePoint.fromPrivateKey(gateway)));
  writeFileSync(file("rsa.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(file("x"), hex(x));
} else if (command === "answer") {
  const { salt } = JSON.parse(readFileSync(file("request"), "utf8"));
  const answer = JSON.parse(readFileSync(file("answer"), "utf8"));
  if (Object.keys(answer).sort().join() !== "encryptedSharedSecret,proof") die("other members");
  const padding = { key: readFileSync(file("rsa.pem")), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  const x = privateDecrypt(padding, unhex(answer.encryptedSharedSecret.slice(2)));
  if (hex(x) !== readFileSync(file("x"), "utf8")) die("another secret");
  const digest = typed(36963, salt, "DelegateResponseProof(string encryptedSharedSecret)", answer.encryptedSharedSecret);
  const raw = unhex(answer.proof.slice(2));
  if (raw.length !== 65) die("the proof's length");
  const sig = secp256k1.Signature.fromCompact(raw.slice(0, 64)).addRecoveryBit(raw[64] - 27);
  if (sig.recoverPublicKey(digest).toHex(true) !== argument) die("the proof is not the signer's");
  console.log("the answer opens, and its proof is the KMS's");
}
