// SPDX-License-Identifier: Apache-2.0
// Both directions against viem and ethers: `make FOLDER SEED` writes documents and the wallets' signatures of them, `check FOLDER`
// judges the module's signatures of the same documents.
import { readFileSync, writeFileSync } from 'node:fs'
import { AbiCoder, Signature, TypedDataEncoder, Wallet, concat, keccak256, recoverAddress as ecrecover, toUtf8Bytes, verifyTypedData } from 'ethers'
import { hashTypedData, recoverAddress, verifyTypedData as viemVerify } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { attestation, document, generator, hmmTypes, poaiTypes, settlement } from './random.mjs'

const COUNT = { eip712: 1000, poai: 200, hmm: 200 }
const [, , command, folder, seed] = process.argv
const fail = (text) => {
  console.error(text)
  process.exit(1)
}

// The libraries want exact integers as BigInt; everything else stays as it is in the text.
function exact(types, type, v) {
  const array = /^(.*)\[\d*\]$/.exec(type)
  if (array) return v.map((e) => exact(types, array[1], e))
  if (types[type]) return Object.fromEntries(types[type].map((f) => [f.name, exact(types, f.type, v[f.name])]))
  return /^u?int/.test(type) ? BigInt(v) : v
}

// A line of a file as typed data, with and without EIP712Domain among the types.
function typed(kind, line) {
  const name = kind === 'hmm' ? 'Hanzo HMM' : 'Hanzo PoAI'
  const primaryType = kind === 'hmm' ? 'HMMSettlement' : 'PoAIAttestation'
  const types = kind === 'hmm' ? { HMMSettlement: hmmTypes, PoAIAttestation: poaiTypes } : { PoAIAttestation: poaiTypes }
  const doc = kind === 'eip712' ? JSON.parse(line) : { types, primaryType, domain: { name, version: '1', chainId: 36963 }, message: JSON.parse(line) }
  const message = exact(doc.types, doc.primaryType, doc.message)
  const { EIP712Domain, ...plain } = doc.types
  return { doc: { ...doc, message }, plain }
}

const lines = (file) => readFileSync(`${folder}/${file}`, 'utf8').split('\n').filter((l) => l !== '')

async function sign(kind, list, key) {
  const wallet = new Wallet(key)
  const account = privateKeyToAccount(key)
  const out = { viem: [], ethers: [] }
  for (const line of list) {
    const { doc, plain } = typed(kind, line)
    out.viem.push(await account.signTypedData(doc))
    out.ethers.push(await wallet.signTypedData(doc.domain, plain, doc.message))
  }
  return { out, point: wallet.signingKey.publicKey }
}

async function make() {
  const r = generator(Number(seed))
  const now = Math.floor(Date.now() / 1000)
  for (const kind of Object.keys(COUNT)) {
    const one = { eip712: () => document(r), poai: () => attestation(r, now), hmm: () => settlement(r, now) }[kind]
    const list = Array.from({ length: COUNT[kind] }, () => JSON.stringify(one()))
    const { out, point } = await sign(kind, list, r.hex(32))
    writeFileSync(`${folder}/${kind}.jsonl`, list.join('\n') + '\n')
    for (const wallet of Object.keys(out)) writeFileSync(`${folder}/${kind}.${wallet}`, out[wallet].join('\n') + '\n')
    writeFileSync(`${folder}/${kind}.point`, point)
  }
}

// The digest as a contract has it, abi.encode and keccak256 by hand, and ecrecover on it.
function likeContract(m, signature) {
  const abi = AbiCoder.defaultAbiCoder()
  const id = (s) => keccak256(toUtf8Bytes(s))
  const type = 'PoAIAttestation(string modelId,bytes32 inputHash,bytes32 outputHash,uint64 timestamp,uint64 computeTime,string nodeId,bytes32 nonce)'
  const struct = keccak256(abi.encode(
    ['bytes32', 'bytes32', 'bytes32', 'bytes32', 'uint64', 'uint64', 'bytes32', 'bytes32'],
    [id(type), id(m.modelId), m.inputHash, m.outputHash, m.timestamp, m.computeTime, id(m.nodeId), m.nonce]))
  const separator = keccak256(abi.encode(
    ['bytes32', 'bytes32', 'bytes32', 'uint256'],
    [id('EIP712Domain(string name,string version,uint256 chainId)'), id('Hanzo PoAI'), id('1'), 36963]))
  const { r, s, v } = Signature.from(signature)
  return ecrecover(keccak256(concat(['0x1901', separator, struct])), { r, s, v })
}

async function judge(kind, list, ours, address) {
  for (const [i, line] of list.entries()) {
    const { doc, plain } = typed(kind, line)
    const hash = hashTypedData(doc)
    if (hash !== TypedDataEncoder.hash(doc.domain, plain, doc.message)) fail(`${kind} ${i}: viem and ethers disagree`)
    if (!(await viemVerify({ ...doc, address, signature: ours[i] }))) fail(`${kind} ${i}: viem refuses ${ours[i]} of ${line}`)
    if (verifyTypedData(doc.domain, plain, doc.message, ours[i]) !== address) fail(`${kind} ${i}: ethers refuses ${ours[i]} of ${line}`)
    if ((await recoverAddress({ hash, signature: ours[i] })) !== address) fail(`${kind} ${i}: another signer`)
    if (kind === 'poai' && likeContract(doc.message, ours[i]) !== address) fail(`${kind} ${i}: a contract would refuse it`)
  }
}

async function check() {
  const { computeAddress } = await import('ethers')
  for (const kind of Object.keys(COUNT)) {
    const list = lines(`${kind}.jsonl`)
    const [point, ...ours] = lines(`${kind}.ours`)
    if (list.length !== COUNT[kind] || ours.length !== COUNT[kind]) fail(`${kind}: ${ours.length} signatures of ${list.length} documents`)
    await judge(kind, list, ours, computeAddress(point))
    console.log(`${kind}: ${list.length} signatures hold with viem and ethers`)
  }
}

if (command === 'make') await make()
else if (command === 'check') await check()
else fail('make FOLDER SEED, or check FOLDER')
