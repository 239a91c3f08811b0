// SPDX-License-Identifier: Apache-2.0
// Random typed data: acyclic structs, every atomic type, arrays of arrays; and random attestations and settlements.

// A small generator with a seed (mulberry32), so that a failure can be made again.
export function generator(seed) {
  let a = seed >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(next() * n)
  const pick = (list) => list[below(list.length)]
  const hex = (bytes) => '0x' + Array.from({ length: bytes }, () => below(256).toString(16).padStart(2, '0')).join('')
  return { below, pick, hex }
}

const pieces = ['a', 'Z', '0', ' ', '"', '\\', '\n', '\u0001', 'é', '€', '😀', '/', '\u2028', '</script>', '\u0000']

function text(r) {
  return Array.from({ length: r.below(12) }, () => r.pick(pieces)).join('')
}

// An integer as it may stand in JSON: a number where JavaScript is exact, a decimal or hexadecimal string anywhere.
function writeInteger(r, v) {
  const ways = [v.toString()]
  if (v >= 0n) ways.push('0x' + v.toString(16))
  if (v <= 9007199254740991n && v >= -9007199254740991n) ways.push(Number(v))
  return r.pick(ways)
}

function integer(r, bits, signed) {
  let v = BigInt(r.hex(bits / 8))
  if (r.below(3) === 0) v >>= BigInt(r.below(bits))
  if (r.below(8) === 0) v = r.pick([0n, (1n << BigInt(bits)) - 1n])
  return writeInteger(r, signed ? BigInt.asIntN(bits, v) : v)
}

function atomicType(r) {
  const bits = 8 * (1 + r.below(32))
  return r.pick(['string', 'bytes', 'bool', 'address', 'bytes32', 'uint256', `uint${bits}`, `int${bits}`, `bytes${1 + r.below(32)}`])
}

function atomic(r, type) {
  if (type === 'string') return text(r)
  if (type === 'bytes') return r.hex(r.below(80))
  if (type === 'bool') return r.below(2) === 1
  if (type === 'address') return r.hex(20)
  if (type.startsWith('bytes')) return r.hex(Number(type.slice(5)))
  return type.startsWith('uint') ? integer(r, Number(type.slice(4)), false) : integer(r, Number(type.slice(3)), true)
}

function value(r, types, type) {
  const array = /^(.*)\[(\d*)\]$/.exec(type)
  if (array) {
    const n = array[2] === '' ? r.below(4) : Number(array[2])
    return Array.from({ length: n }, () => value(r, types, array[1]))
  }
  if (!types[type]) return atomic(r, type)
  return Object.fromEntries(types[type].map((f) => [f.name, value(r, types, f.type)]))
}

function dimensions(r) {
  let s = ''
  while (s.length < 9 && r.below(4) === 0) s += r.pick(['[]', '[1]', '[2]', '[3]'])
  return s
}

// Struct i refers to later ones only, and each is referred to by an earlier one: ethers wants one root and no circles.
function structs(r) {
  const n = 1 + r.below(5)
  // viem overlooks a struct with $ in its name.
  const names = Array.from({ length: n }, (_, i) => r.pick(['Order', 'zed', '_P', 'T', 'Asset_', 'aa']) + i)
  const types = Object.fromEntries(names.map((name) => [name, []]))
  const add = (i, type) => types[names[i]].push({ name: r.pick(['x', 'to', 'Name', '_f', 'amount']) + types[names[i]].length, type })
  for (let i = 0; i < n; i++) for (let k = r.below(6); k >= 0; k--) add(i, atomicType(r) + dimensions(r))
  for (let i = 1; i < n; i++) add(r.below(i), names[i] + dimensions(r))
  return { types, primaryType: names[0] }
}

const domainTypes = { name: 'string', version: 'string', chainId: 'uint256', verifyingContract: 'address', salt: 'bytes32' }

export function document(r) {
  const { types, primaryType } = structs(r)
  const fields = Object.keys(domainTypes).filter(() => r.below(2) === 1)
  if (fields.length === 0) fields.push('name')
  // viem takes an undeclared domain field with an empty or zero value for an absent one.
  const domain = Object.fromEntries(fields.map((f) => [f, f === 'chainId' ? 1 + r.below(1e6) : atomic(r, domainTypes[f]) || 'x']))
  const message = value(r, types, primaryType)
  if (r.below(2) === 1) types.EIP712Domain = fields.map((name) => ({ name, type: domainTypes[name] }))
  return { types, primaryType, domain, message }
}

export const poaiTypes = [
  ['modelId', 'string'], ['inputHash', 'bytes32'], ['outputHash', 'bytes32'], ['timestamp', 'uint64'], ['computeTime', 'uint64'],
  ['nodeId', 'string'], ['nonce', 'bytes32'],
].map(([name, type]) => ({ name, type }))
export const hmmTypes = [
  ['jobId', 'string'], ['provider', 'address'], ['consumer', 'address'], ['amount', 'uint256'], ['attestation', 'PoAIAttestation'],
  ['timestamp', 'uint64'],
].map(([name, type]) => ({ name, type }))

export function attestation(r, now) {
  return {
    modelId: text(r), inputHash: r.hex(32), outputHash: r.hex(32), timestamp: r.pick([now - r.below(3000), String(now - r.below(3000))]),
    computeTime: r.below(1e9), nodeId: text(r), nonce: r.hex(32),
  }
}

export function settlement(r, now) {
  return {
    jobId: r.hex(8) + text(r), provider: r.hex(20), consumer: r.hex(20), amount: BigInt(r.hex(32)).toString(),
    attestation: attestation(r, now), timestamp: now - r.below(80000),
  }
}
