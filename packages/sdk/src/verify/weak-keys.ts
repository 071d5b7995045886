/**
 * Public keys that the platforms take although they protect nothing. Somebody else chose them, so they
 * are looked for.
 */

const P = 2n ** 255n - 19n

/**
 * Whether the order of an Ed25519 point divides 8. Under such a key one signature fits many messages or
 * all (RFC 8032 §8.4 leaves it to the caller). By its y that is so for 0 (order 4), for 1 and -1 (orders
 * 1 and 2), and for the roots of 121665 y^4 - 243332 y^2 + 121666 (order 8: those of which twice the
 * point has y = 0), reduced or not.
 */
export function isOfLowOrder(point: Uint8Array): boolean {
  const littleEndian = point.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n)
  // The highest bit is the sign of x.
  const y = littleEndian & (2n ** 255n - 1n)
  const y2 = y * y
  return (y * (y2 - 1n) * (121_665n * y2 * y2 - 243_332n * y2 + 121_666n)) % P === 0n
}

/**
 * Whether an RSA modulus has the fingerprint of CVE-2017-15361 (ROCA): modulo each prime of the flawed
 * generator's primorial (2 to 167 for keys of up to 4096 bits) it is a power of 65537, as of those keys
 * alone whose factors can be computed. By chance it is so once in 2^27.
 */
export function isRoca(modulus: Uint8Array): boolean {
  const primes: number[] = []
  for (let number = 3; number <= 167; number += 2) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number)
  }
  return primes.every((prime) => {
    const residue = modulus.reduce((rest, byte) => (rest * 256 + byte) % prime, 0)
    let power = 1
    for (let exponent = 0; exponent < prime && power !== residue; exponent++) {
      power = (power * 65_537) % prime
    }
    return power === residue
  })
}
