import { CountersignError, type M2MToken } from 'countersign'
import { parseCredential, parseJws, SDK_ERRORS } from 'countersign/token'
import * as z from 'zod'
import { limit, machineId, offset, reason, time, token } from './schemas.ts'
import { type Access, defineTool, isoTime, present, type Tool } from './tool.ts'
import { ToolError } from './tool-error.ts'

/** What tokens there are, whether one is good and why not, a new one, and the end of one. */

const facts = z.object({
  id: z.string(),
  subject: z.string().describe('The machine that it was issued to'),
  receivers: z.array(z.string()).describe('The machines that it is meant for'),
  createdAt: time,
  expiresAt: time,
  revoked: z.boolean(),
})

const factsOf = (one: M2MToken): z.input<typeof facts> => ({
  id: one.id,
  subject: one.subject,
  receivers: one.scopes,
  createdAt: isoTime(one.createdAt),
  expiresAt: isoTime(one.expiration),
  revoked: one.revoked,
})

export const listTokens: Tool = defineTool({
  name: 'list_tokens',
  title: 'List the tokens of a machine',
  description:
    'Lists the tokens that were issued to one machine, newest first: what they are, never the tokens themselves.',
  isWrite: false,
  needs: 'owner',
  input: z.strictObject({
    machineId,
    state: z.enum(['live', 'revoked', 'expired']).default('live'),
    limit: limit(50),
    offset,
  }),
  output: z.object({ tokens: z.array(facts), totalCount: z.number() }),
  intent: (input) => ({ target: input.machineId }),
  async run({ owner }, { machineId: subject, state, ...page }) {
    const found = await present(owner).m2m.list({
      ...page,
      subject,
      tokenFormat: 'all',
      revoked: state === 'revoked',
      expired: state === 'expired',
    })
    return { tokens: found.data.map(factsOf), totalCount: found.totalCount }
  },
})

const verdict = z.object({
  isValid: z.boolean(),
  checkedFor: z.enum(['any receiver', 'this machine']),
  token: facts.nullable().describe('What is proved of it; null for a token that is refused'),
  code: z.string().nullable().describe('Why it is refused'),
  advice: z.string().nullable(),
})

export const verifyToken: Tool = defineTool({
  name: 'verify_token',
  title: 'Verify a token',
  description:
    'Tells whether a machine token is good, and of whom and for whom it is. The token is not stored and not repeated.',
  isWrite: false,
  needs: 'either',
  input: z.strictObject({ token }),
  output: verdict,
  intent: (input) => ({ target: idOf(input.token) }),
  run: (access, input) => judge(access, input.token),
})

export const explainToken: Tool = defineTool({
  name: 'explain_token',
  title: 'Explain a token',
  description:
    'Tells what a token is and says of itself, and why it is accepted or refused. What it says of itself is proved only where isValid is true.',
  isWrite: false,
  needs: 'either',
  input: z.strictObject({ token }),
  output: verdict.extend({
    class: z.string(),
    says: z.record(z.string(), z.unknown()).describe('Not proved unless isValid is true'),
    expected: z.string().nullable(),
    got: z.string().nullable(),
  }),
  intent: (input) => ({ target: idOf(input.token) }),
  async run(access, input) {
    const { error, ...judged } = await judgeWithError(access, input.token)
    return {
      ...judged,
      ...looksLike(input.token),
      expected: error?.expected ?? null,
      got: error?.got ?? null,
    }
  },
})

export const mintToken: Tool = defineTool({
  name: 'mint_token',
  title: 'Mint a token for a task',
  description:
    'Issues a short-lived token, of this server’s own machine, for the named receivers and no others. The answer holds the token: hand it to what needs it, and do not write it anywhere else.',
  isWrite: true,
  needs: 'machine',
  maxTextCharacters: 8_192,
  input: z.strictObject({
    receivers: z.array(machineId).min(1).max(8).describe('The machines that it is for'),
    ttlSeconds: z.number().int().min(10).max(86_400).default(300).describe('How long it lives'),
    task: reason.describe('What it is for. Recorded in the audit log; no secrets'),
  }),
  output: facts.extend({ token: z.string() }),
  intent: ({ receivers: [target], task }) => ({ target, reason: task }),
  async run({ machine, tokens }, { receivers, ttlSeconds }) {
    if (ttlSeconds > tokens.maxSeconds) {
      throw new ToolError(
        'input-invalid',
        `ttlSeconds must be at most ${tokens.maxSeconds} for agents here.`,
      )
    }
    const made = await present(machine).m2m.createToken({
      tokenFormat: tokens.format,
      secondsUntilExpiration: ttlSeconds,
      scopes: receivers,
    })
    // An authority that does not know how to narrow a token answers one that is not.
    const isNarrow = made.scopes.every((one) => receivers.includes(one))
    if (isNarrow && made.token !== undefined) return { ...factsOf(made), token: made.token }
    await present(machine).m2m.revokeToken({ m2mTokenId: made.id })
    throw new ToolError('failed', 'The authority did not narrow the token; it was revoked.')
  },
})

export const revokeToken: Tool = defineTool({
  name: 'revoke_token',
  title: 'Revoke a token',
  description: 'Ends one token for good. There is no way back.',
  isWrite: true,
  needs: 'either',
  input: z.strictObject({
    tokenId: z
      .string()
      .regex(/^mt_[0-9a-f]{32}$/, 'must be the id of a token: mt_ and 32 hexadecimal digits')
      .describe('The id of the token (mt_ and 32 hexadecimal digits), not the token itself'),
    reason: reason.describe('Why. Recorded in the audit log; no secrets'),
  }),
  output: z.object({ token: facts }),
  intent: (input) => ({ target: input.tokenId, reason: input.reason }),
  async run({ owner, machine }, { tokenId: m2mTokenId, reason: revocationReason }) {
    const { m2m } = present(owner ?? machine)
    return { token: factsOf(await m2m.revokeToken({ m2mTokenId, revocationReason })) }
  },
})

type Verdict = z.input<typeof verdict>

async function judge(access: Access, text: string): Promise<Verdict> {
  const { error: _, ...judged } = await judgeWithError(access, text)
  return judged
}

/** @throws {CountersignError} where the token could not be judged, and may be good */
async function judgeWithError(
  { owner, machine }: Access,
  text: string,
): Promise<Verdict & { readonly error: CountersignError | null }> {
  const checkedFor = owner === null ? 'this machine' : 'any receiver'
  try {
    const verified = await present(owner ?? machine).m2m.verify({ token: text })
    const proved = { token: factsOf(verified), code: null, advice: null }
    return { isValid: true, checkedFor, ...proved, error: null }
  } catch (error) {
    if (!(error instanceof CountersignError) || !error.code.startsWith('token-')) throw error
    const { advice } = SDK_ERRORS[error.code]
    return { isValid: false, checkedFor, token: null, code: error.code, advice, error }
  }
}

/** The id that a token says it has: what the audit log is told, which takes no more than an id. */
function idOf(text: string): string | undefined {
  const { id, jti } = looksLike(text).says
  const said = id ?? jti
  return typeof said === 'string' && /^mt_[0-9a-f]{32}$/.test(said) ? said : undefined
}

const JWT_CLAIMS = ['iss', 'sub', 'aud', 'scopes', 'exp', 'nbf', 'iat', 'jti']

/** What can be told without asking anybody. */
function looksLike(text: string): {
  readonly class: string
  readonly says: Readonly<Record<string, unknown>>
} {
  const credential = parseCredential(text)
  if (credential !== null) {
    const { kind, id } = credential
    return { class: kind === 'm2m-token' ? 'opaque machine token' : SECRET, says: { id } }
  }
  try {
    const { header, payload } = parseJws(text)
    const { alg, typ, kid } = header
    const claims = JWT_CLAIMS.filter((name) => Object.hasOwn(payload, name))
    const said = Object.fromEntries(claims.map((name) => [name, payload[name]]))
    const isM2M = String(payload['sub']).startsWith('mch_')
    return {
      class: isM2M ? 'machine token (JWT)' : 'another JWT',
      says: { alg, typ, kid, ...said },
    }
  } catch {
    return { class: 'no token that is known here', says: {} }
  }
}

const SECRET =
  'a long-lived secret key, not a token: it has been shown to a model and should be replaced'
