/**
 * Public keys that the platforms take although they protect nothing. Somebody else chose them, so they
 * are looked for.
 */

/**
 * The Ed25519 points whose order divides 8, by their y in little-endian, two of them not reduced. Under
 * such a key one signature fits many messages or all (RFC 8032 §8.4 leaves it to the caller).
 */
const LOW_ORDER: readonly string[] = [
  '00'.repeat(32),
  '01' + '00'.repeat(31),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ec' + 'ff'.repeat(30) + '7f',
  'ed' + 'ff'.repeat(30) + '7f',
  'ee' + 'ff'.repeat(30) + '7f',
]

export function isOfLowOrder(point: Uint8Array): boolean {
  // The highest bit is the sign of x.
  const y = point.map((byte, index) => (index === 31 ? byte & 0x7f : byte))
  return LOW_ORDER.includes(Array.from(y, (byte) => byte.toString(16).padStart(2, '0')).join(''))
}

/** Those that divide the primorial of the flawed generator for keys of up to 4096 bits, without 2. */
const ROCA_PRIMES: readonly number[] = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/**
 * Whether an RSA modulus has the fingerprint of CVE-2017-15361 (ROCA): modulo each small prime it is a
 * power of 65537, as of those keys alone whose factors can be computed. By chance it is so once in 2^27.
 */
export function isRoca(modulus: Uint8Array): boolean {
  return ROCA_PRIMES.every((prime) => {
    const residue = modulus.reduce((rest, byte) => (rest * 256 + byte) % prime, 0)
    return isPowerOf65537(residue, prime)
  })
}

function isPowerOf65537(residue: number, prime: number): boolean {
  const generator = 65_537 % prime
  let power = generator
  for (let exponent = 1; exponent < prime; exponent++) {
    if (power === residue) return true
    power = (power * generator) % prime
  }
  return false
}
