/**
 * ZLIB (RFC 1950) and DEFLATE (RFC 1951), read. For platforms that may have no `DecompressionStream`: the
 * edge runtime of Next is one. The `imports` map of the package picks this or `stream.ts`.
 */

const MAX_BITS = 15
const WINDOW_BYTES = 32_768
const END_OF_BLOCK = 256

/** RFC 1951 §3.2.5: what a symbol from 257 on, or from 0 on, begins at, and how many bits more it takes. */
const LENGTHS = table(
  3,
  [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5],
)
const DISTANCES = table(
  1,
  [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
  ],
)
/** The last length is a special case: 258 in no further bits. */
const LONGEST = 258

/** RFC 1951 §3.2.7 */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Huffman codes in canonical form: how many there are of each length, and their symbols in order. */
interface Codes {
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
}

/** RFC 1951 §3.2.6 */
const FIXED_LENGTHS = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
)
const FIXED_DISTANCES = new Uint8Array(30).fill(5)

/** As `stream.ts` has it. */
export function inflate(deflated: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve) => {
    resolve(inflateZlib(deflated, maxBytes))
  })
}

/**
 * The bytes that were deflated.
 *
 * @param maxBytes Of the result: a small text can be deflated from a thousand times as much.
 * @throws {RangeError} when it is no ZLIB, ends too early, is larger, or its checksum is another.
 */
export function inflateZlib(deflated: Uint8Array, maxBytes: number): Uint8Array {
  const [method = 0, flags = 0] = deflated
  const isZlib = (method & 0x0f) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0
  // A preset dictionary is none that we would know (RFC 1950 §2.2).
  if (!isZlib || (flags & 0x20) !== 0) throw malformed()
  const input = createInput(deflated, 2)
  const output = createOutput(maxBytes)
  for (let isLast = false; !isLast;) {
    isLast = input.bits(1) === 1
    const type = input.bits(2)
    if (type === 0) copyStored(input, output)
    else if (type === 1)
      inflateBlock(input, output, codesOf(FIXED_LENGTHS), codesOf(FIXED_DISTANCES))
    else if (type === 2) inflateBlock(input, output, ...readCodes(input))
    else throw malformed()
  }
  const bytes = output.bytes()
  const stated = input.alignedBytes(4).reduce((sum, byte) => sum * 256 + byte, 0)
  if (stated !== adler32(bytes)) throw malformed()
  return bytes
}

interface Input {
  /** So many bits, the first one lowest. */
  bits(count: number): number
  /** So many bytes from the next boundary of a byte on. */
  alignedBytes(count: number): Uint8Array
}

function createInput(bytes: Uint8Array, start: number): Input {
  let position = start
  let held = 0
  let heldCount = 0
  return {
    bits(count) {
      while (heldCount < count) {
        const byte = bytes[position++]
        if (byte === undefined) throw malformed()
        held |= byte << heldCount
        heldCount += 8
      }
      const value = held & ((1 << count) - 1)
      held >>>= count
      heldCount -= count
      return value
    },
    alignedBytes(count) {
      // No more than what is asked for is ever held, so less than a byte is left of it.
      held = heldCount = 0
      const found = bytes.subarray(position, position + count)
      if (found.length < count) throw malformed()
      position += count
      return found
    },
  }
}

interface Output {
  push(byte: number): void
  /** Repeats what was written so far back. */
  repeat(length: number, distance: number): void
  bytes(): Uint8Array
}

function createOutput(maxBytes: number): Output {
  let bytes = new Uint8Array(Math.min(maxBytes, WINDOW_BYTES))
  let length = 0
  const push = (byte: number): void => {
    if (length === maxBytes) throw new RangeError('too large')
    if (length === bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, bytes.length * 2))
      larger.set(bytes)
      bytes = larger
    }
    bytes[length++] = byte
  }
  return {
    push,
    repeat(count, distance) {
      if (distance > length) throw malformed()
      for (let left = count; left > 0; left--) push(bytes[length - distance] as number)
    },
    bytes: () => bytes.subarray(0, length),
  }
}

/** RFC 1951 §3.2.4 */
function copyStored(input: Input, output: Output): void {
  const [low = 0, high = 0, lowNot = 0, highNot = 0] = input.alignedBytes(4)
  const length = low | (high << 8)
  if (length !== ((lowNot | (highNot << 8)) ^ 0xffff)) throw malformed()
  for (const byte of input.alignedBytes(length)) output.push(byte)
}

function inflateBlock(input: Input, output: Output, literals: Codes, distances: Codes): void {
  for (;;) {
    const symbol = readSymbol(input, literals)
    if (symbol === END_OF_BLOCK) return
    if (symbol < END_OF_BLOCK) output.push(symbol)
    else {
      const length = symbol === 285 ? LONGEST : readNumber(input, LENGTHS, symbol - 257)
      output.repeat(length, readNumber(input, DISTANCES, readSymbol(input, distances)))
    }
  }
}

function readNumber(input: Input, numbers: Numbers, index: number): number {
  const [base, extra] = numbers[index] ?? []
  if (base === undefined || extra === undefined) throw malformed()
  return base + input.bits(extra)
}

/** RFC 1951 §3.2.7: the lengths of both codes, which are coded themselves. */
function readCodes(input: Input): [literals: Codes, distances: Codes] {
  const literalCount = input.bits(5) + 257
  const distanceCount = input.bits(5) + 1
  const orderCount = input.bits(4) + 4
  const ofLengths = new Uint8Array(ORDER.length)
  for (const place of ORDER.slice(0, orderCount)) ofLengths[place] = input.bits(3)
  const codes = codesOf(ofLengths)
  const lengths: number[] = []
  while (lengths.length < literalCount + distanceCount) {
    const symbol = readSymbol(input, codes)
    if (symbol < 16) lengths.push(symbol)
    else if (symbol === 16) pushTimes(lengths, lengths.at(-1), 3 + input.bits(2))
    else pushTimes(lengths, 0, symbol === 17 ? 3 + input.bits(3) : 11 + input.bits(7))
  }
  if (lengths.length > literalCount + distanceCount || lengths[END_OF_BLOCK] === 0)
    throw malformed()
  return [codesOf(lengths.slice(0, literalCount)), codesOf(lengths.slice(literalCount))]
}

function pushTimes(lengths: number[], length: number | undefined, times: number): void {
  if (length === undefined) throw malformed()
  for (let left = times; left > 0; left--) lengths.push(length)
}

/** RFC 1951 §3.2.2 */
function codesOf(lengths: ArrayLike<number>): Codes {
  const counts = new Uint16Array(MAX_BITS + 1)
  for (const length of Array.from(lengths)) counts[length] = (counts[length] as number) + 1
  counts[0] = 0
  let free = 1
  const next = new Uint16Array(MAX_BITS + 2)
  for (let length = 1; length <= MAX_BITS; length++) {
    free = free * 2 - (counts[length] as number)
    // More codes than there are bits to tell them apart by.
    if (free < 0) throw malformed()
    next[length + 1] = (next[length] as number) + (counts[length] as number)
  }
  const symbols = new Uint16Array(lengths.length)
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number
    if (length === 0) continue
    symbols[next[length] as number] = symbol
    next[length] = (next[length] as number) + 1
  }
  return { counts, symbols }
}

/** One bit after the other: all codes of a length are neighbours. */
function readSymbol(input: Input, { counts, symbols }: Codes): number {
  let code = 0
  let first = 0
  let index = 0
  for (let length = 1; length <= MAX_BITS; length++) {
    code |= input.bits(1)
    const count = counts[length] as number
    if (code - first < count) return symbols[index + code - first] as number
    index += count
    first = (first + count) << 1
    code <<= 1
  }
  throw malformed()
}

type Numbers = readonly (readonly [base: number, extraBits: number])[]

function table(start: number, extraBits: readonly number[]): Numbers {
  let base = start
  return extraBits.map((extra) => {
    const entry = [base, extra] as const
    base += 1 << extra
    return entry
  })
}

/** RFC 1950 §8.2 */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0]
  for (const byte of bytes) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}

function malformed(): RangeError {
  return new RangeError('not ZLIB')
}
