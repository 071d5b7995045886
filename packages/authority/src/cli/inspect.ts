import { type CredentialKind, isId, parseCredential, parseId } from 'countersign/token'

/** What can be told of a token by looking at it. Nothing in it is proven. */
export interface Inspection {
  readonly class: CredentialKind | 'm2m-jwt' | 'jwt' | 'unknown'
  /** The class in words. */
  readonly about: string
  readonly form: 'opaque' | 'JWT' | 'not a token'
  /** `null` for a form that has none. */
  readonly checksumRight: boolean | null
  readonly ids: Readonly<Record<string, string>>
  /** Epoch milliseconds. */
  readonly times: Readonly<Record<string, number>>
  readonly header: unknown
  readonly payload: unknown
  readonly remarks: readonly string[]
  /** Whether it is worth asking the authority whether it is valid. */
  readonly verifiable: boolean
}

const NAMES: Readonly<Record<CredentialKind, string>> = {
  'm2m-token': 'machine token',
  'machine-secret': 'secret key of a machine',
  'api-key': 'API key',
  'instance-secret': 'secret key of the instance',
}

const ID_NAMES: Readonly<Record<CredentialKind, string>> = {
  'm2m-token': 'token',
  'machine-secret': 'machine',
  'api-key': 'API key',
  'instance-secret': 'key',
}

const PREFIXES: readonly (readonly [prefix: string, kind: CredentialKind])[] = [
  ['mt_', 'm2m-token'],
  ['ak_', 'api-key'],
  ['sk_test_', 'instance-secret'],
  ['sk_live_', 'instance-secret'],
]

const NOTHING = {
  ids: {},
  times: {},
  header: null,
  payload: null,
  checksumRight: null,
  remarks: [],
  verifiable: false,
} as const

/** Looks at anything that may be a token. Never throws, and keeps nothing secret in its answer. */
export function inspect(text: string): Inspection {
  const jwt = readJwt(text)
  if (jwt !== null) return jwt
  const credential = parseCredential(text)
  if (credential === null) return inspectUnreadable(text)
  const { kind, id, secretVersion } = credential
  return {
    ...NOTHING,
    class: kind,
    about: NAMES[kind],
    form: 'opaque',
    checksumRight: true,
    ids: {
      [ID_NAMES[kind]]: id,
      ...(kind === 'machine-secret' && { version: String(secretVersion) }),
    },
    times: createdAt(kind, id),
    remarks: kind === 'm2m-token' ? [] : ['This is a long-lived secret. Do not paste it anywhere.'],
    verifiable: kind === 'm2m-token',
  }
}

function inspectUnreadable(text: string): Inspection {
  const kind = PREFIXES.find(([prefix]) => text.startsWith(prefix))?.[1]
  if (kind === undefined) {
    return {
      ...NOTHING,
      class: 'unknown',
      about: 'nothing that is known here',
      form: 'not a token',
    }
  }
  if (kind === 'm2m-token' && isId('m2mToken', text)) {
    return {
      ...NOTHING,
      class: 'unknown',
      about: 'the id of a machine token',
      form: 'not a token',
      ids: { token: text },
      times: createdAt(kind, text),
    }
  }
  return {
    ...NOTHING,
    class: kind,
    about: text.startsWith('ak_') ? 'secret key of a machine, or API key' : NAMES[kind],
    form: 'opaque',
    checksumRight: false,
    remarks: ['It is mistyped, cut short, invented, or was not issued by a Countersign authority.'],
  }
}

/** The first 48 bits of these ids are the time of their making. */
function createdAt(kind: CredentialKind, id: string): Readonly<Record<string, number>> {
  if (kind !== 'm2m-token' && kind !== 'api-key') return {}
  const bytes = parseId(kind === 'm2m-token' ? 'm2mToken' : 'apiKey', id)
  return { created: bytes.subarray(0, 6).reduce((time, byte) => time * 0x100 + byte, 0) }
}

/** Clerk's class tag of a machine token (docs/divergences.md). */
const M2M_CATEGORY = 'cl_B7d4PD333AAA'

function readJwt(text: string): Inspection | null {
  const parts = text.split('.')
  if (parts.length !== 3) return null
  const [header, payload] = [decodeObject(parts[0]), decodeObject(parts[1])]
  if (header === null || payload === null) return null
  const isM2M = header['cat'] === M2M_CATEGORY
  const { alg } = header
  return {
    ...NOTHING,
    class: isM2M ? 'm2m-jwt' : 'jwt',
    about: isM2M ? 'machine token' : 'a JWT of another class',
    form: 'JWT',
    ids: pickTexts(payload, { token: 'jti', machine: 'sub', issuer: 'iss' }),
    times: pickTimes(payload, { issued: 'iat', 'valid from': 'nbf', expires: 'exp' }),
    header,
    payload,
    remarks: alg === 'none' ? ['alg is none: nothing protects this token.'] : [],
    verifiable: isM2M,
  }
}

function decodeObject(part: string | undefined): Record<string, unknown> | null {
  if (part === undefined || !/^[\w-]+$/.test(part)) return null
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function pickTexts(
  claims: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries(names).flatMap(([name, claim]) => {
    const value = claims[claim]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return Object.fromEntries(entries)
}

/** The last instant that a Date can hold, in seconds. */
const LAST_SECOND = 8_640_000_000_000

function pickTimes(
  claims: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
): Record<string, number> {
  const entries = Object.entries(names).flatMap(([name, claim]) => {
    const value = claims[claim]
    const isTime = typeof value === 'number' && Math.abs(value) <= LAST_SECOND
    return isTime ? [[name, value * 1000] as const] : []
  })
  return Object.fromEntries(entries)
}
