import { isId, parseCredential } from 'countersign/token'
import * as v from 'valibot'

/** What an emulated authority is to hold at its start. */
export type Seed = v.InferOutput<typeof seed>

/** Thrown for a seed that cannot be planted. Never quotes a secret. */
export class SeedError extends Error {
  readonly code = 'seed-invalid'

  constructor(where: string, what: string) {
    super(`${where} ${what}`)
    this.name = 'SeedError'
  }
}

/** @throws {SeedError} naming the first thing that is wrong. */
export function parseSeed(text: string): Seed {
  const result = v.safeParse(seed, parseJson(text))
  if (!result.success) {
    // A mistyped member is also one that is missing: what was written is told first.
    const unknown = result.issues.find(({ expected }) => expected === UNKNOWN_MEMBER)
    const issue = unknown ?? result.issues[0]
    throw new SeedError(v.getDotPath(issue) ?? 'The seed', issue.message)
  }
  const { machines, tokens, apiKeys, secretKey } = result.output
  refuseRepeated('machines', 'name', machines)
  for (const list of [machines, tokens, apiKeys]) refuseRepeated('The seed', 'id', list)
  const secrets = [
    secretKey,
    ...machines.map((machine) => machine.secretKey),
    ...tokens.map(({ token }) => token),
    ...apiKeys.map(({ secret }) => secret),
  ]
  const given = secrets.filter((secret) => secret !== undefined)
  if (new Set(given).size < given.length) throw new SeedError('The seed', 'gives a secret twice.')
  return result.output
}

/** What valibot expects where a strict object has a member too many. */
const UNKNOWN_MEMBER = 'never'

/** Of the time being, over, or taken back. */
const state = v.optional(v.picklist(['live', 'expired', 'revoked'], 'is live, expired or revoked.'))

const claims = v.optional(v.record(v.string(), v.unknown(), 'is a JSON object.'))

const seconds = v.optional(v.number('is a number of seconds.'))

const name = v.pipe(v.string('is a name.'), v.minLength(1, 'is a name.'))

const names = (message: string) => v.optional(v.array(name, message), [])

/** A text of one's own. What has the form of a credential may be one, and does not belong in a file. */
const secret = (prefix: string) =>
  v.optional(
    v.pipe(
      v.string('is a text.'),
      v.check(
        (text) => text.startsWith(prefix) && /^[\w.~+/=-]{4,200}$/.test(text),
        `begins with ${prefix}, and has 4 to 200 letters, digits and -._~+/=.`,
      ),
      v.check(
        (text) => parseCredential(text) === null,
        `has the form of a real credential, which does not belong in a file. Write any other text that begins with ${prefix}.`,
      ),
    ),
  )

const id = (kind: 'machine' | 'm2mToken' | 'apiKey', form: string) =>
  v.optional(
    v.pipe(
      v.string(`is ${form}.`),
      v.check((text) => isId(kind, text), `is ${form}.`),
    ),
  )

const describeMembers = (issue: v.StrictObjectIssue): string => {
  if (issue.expected === UNKNOWN_MEMBER) return 'is no member that docs/emulator.md names.'
  return issue.expected === 'Object'
    ? 'is a JSON object with the members that docs/emulator.md names, and no others.'
    : 'is missing.'
}

const machine = v.strictObject(
  {
    name,
    id: id('machine', 'mch_ and 27 letters or digits'),
    secretKey: secret('ak_'),
    scopedMachines: names('is an array of names or ids of machines.'),
    defaultTokenTtl: seconds,
    jwtAlgorithm: v.optional(v.picklist(['RS256', 'ES256', 'EdDSA'], 'is RS256, ES256 or EdDSA.')),
    stateless: v.optional(v.boolean('is true or false.')),
  },
  describeMembers,
)

const token = v.strictObject(
  {
    machine: name,
    id: id('m2mToken', 'mt_ and 32 hexadecimal digits'),
    token: secret('mt_'),
    claims,
    secondsUntilExpiration: seconds,
    state,
  },
  describeMembers,
)

const apiKey = v.strictObject(
  {
    name,
    subject: v.string('is the id of a user, an organization or a machine.'),
    id: id('apiKey', 'ak_ and 32 hexadecimal digits'),
    secret: secret('ak_'),
    scopes: names('is an array of texts.'),
    claims,
    secondsUntilExpiration: seconds,
    state,
  },
  describeMembers,
)

const seed = v.strictObject(
  {
    secretKey: secret('sk_test_'),
    machines: v.optional(v.array(machine, 'is an array of machines.'), []),
    tokens: v.optional(v.array(token, 'is an array of tokens.'), []),
    apiKeys: v.optional(v.array(apiKey, 'is an array of API keys.'), []),
  },
  describeMembers,
)

function parseJson(text: string): unknown {
  try {
    const content: unknown = JSON.parse(text)
    // An array would pass for an object of which nothing is said.
    return Array.isArray(content) ? null : content
  } catch {
    // The message of JSON.parse quotes the text.
    throw new SeedError('The seed', 'is not JSON.')
  }
}

function refuseRepeated<Name extends string>(
  where: string,
  member: Name,
  list: readonly { readonly [Member in Name]?: string | undefined }[],
): void {
  const given = list.flatMap((one) => one[member] ?? [])
  const repeated = given.find((value, at) => given.indexOf(value) !== at)
  if (repeated !== undefined) throw new SeedError(where, `has the ${member} ${repeated} twice.`)
}
