import { createHash } from 'node:crypto'
import type { Caller, MachineCaller } from './actors.ts'
import { canonicalJson, encodeClaims } from './claims.ts'
import type { Context } from './context.ts'
import type { Bound, Recognised } from './credentials.ts'
import { AuthorityError } from './errors.ts'
import { type JwtFacts, MAX_JWT_SECONDS, type SignJwt } from './jwt.ts'
import type { SigningKeys } from './key-ring.ts'
import { type M2MToken, m2mTokenFromJwt, m2mTokenFromRecord } from './m2m-token.ts'
import type { M2MTokenQuery, Page } from './ports.ts'
import type { JwtRecord, MachineRecord, OpaqueTokenRecord, SigningKeyRecord } from './records.ts'
import { createReceiverIdsOf, type ReceiverIdsOf } from './scopes.ts'
import type { StatusLists, StatusPlace } from './status-lists.ts'
import type { Uses } from './uses.ts'
import type { VerifyOwnJwt } from './verify-own-jwt.ts'
import { isLive as isLiveSecret } from './machine-secrets.ts'
import { m2mTokenPlace } from './places.ts'

/** The longest life of an opaque token: ten years. */
export const MAX_OPAQUE_SECONDS = 315_360_000

/** The most machines that one JWT names. */
export const MAX_JWT_RECEIVERS = 64

export interface NewM2MToken {
  readonly format: 'opaque' | 'jwt'
  /** `undefined`: the machine's default. May be a fraction. */
  readonly lifetimeSeconds?: number | undefined
  readonly claims?: unknown
  /** Hands out an existing token that has at least this much left, where there is one. */
  readonly minRemainingSeconds?: number | undefined
  /** Narrows the receivers to these. */
  readonly scopes?: readonly string[] | undefined
}

/** A token and its text, which only its creator is told. */
export interface IssuedM2MToken {
  readonly token: M2MToken
  readonly text: string
}

/** Issues, verifies, lists and revokes machine tokens. */
export interface M2MTokens {
  /**
   * @throws {AuthorityError} `claims_invalid`, `lifetime_invalid`, `scope_not_granted`,
   *   `too_many_receivers`, `machine_secret_key_invalid` when the machine has just been deleted
   */
  create(by: MachineCaller, input: NewM2MToken): Promise<IssuedM2MToken>
  /** @throws {AuthorityError} `token_not_found` for every token that is not valid for this caller. */
  verify(caller: Caller, text: string): Promise<M2MToken>
  /** A live token of either format, whoever has it; `null` for anything else. */
  recognise(text: string): Promise<M2MToken | null>
  /** @throws {AuthorityError} `forbidden_subject`, `resource_not_found` */
  list(caller: Caller, query: Omit<M2MTokenQuery, 'now'>): Promise<Page<M2MToken>>
  /** Idempotent: the first revocation stands. @throws {AuthorityError} `token_not_found` */
  revoke(caller: Caller, id: string, reason: string | null): Promise<M2MToken>
}

export interface M2MTokenParts {
  readonly signingKeys: SigningKeys
  readonly signJwt: SignJwt
  readonly statusLists: StatusLists
  readonly verifyOwnJwt: VerifyOwnJwt
  readonly uses: Uses
}

/** A token is decided anew when its machine's scopes change between decision and commit. */
const ISSUE_ATTEMPTS = 8

export function createM2MTokens(context: Context, parts: M2MTokenParts): M2MTokens {
  const { store, clock } = context
  const receiverIdsOf = createReceiverIdsOf(context)

  const recognise = (text: string, now: number): Promise<M2MToken | null> =>
    text.startsWith('mt_') ? findOpaque(context, text, now) : parts.verifyOwnJwt(text, now)

  return Object.freeze({
    async create(by: MachineCaller, input: NewM2MToken) {
      const claims = encodeClaims(input.claims, input.format)
      for (let attempt = 0; attempt < ISSUE_ATTEMPTS; attempt++) {
        const issuer = await issuerOf(context, receiverIdsOf, by)
        const issued =
          input.format === 'jwt'
            ? await issueJwt(context, parts, issuer, input, claims)
            : await issueOpaque(context, issuer, input, claims)
        if (issued !== 'stale') return issued
      }
      throw new AuthorityError('conflict')
    },

    async verify(caller: Caller, text: string) {
      const now = clock.now()
      const token = await recognise(text, now)
      if (token === null) throw new AuthorityError('token_not_found')
      if (caller.kind === 'machine' && !token.scopes.includes(caller.machineId)) {
        throw new AuthorityError('token_not_found')
      }
      if (token.isKept) parts.uses.note('m2mTokens', token.id, token.lastUsedAt, now)
      return token
    },

    recognise: (text: string) => recognise(text, clock.now()),

    async list(caller: Caller, query: Omit<M2MTokenQuery, 'now'>) {
      if (caller.kind === 'machine' && caller.machineId !== query.machineId) {
        throw new AuthorityError('forbidden_subject', { parameter: 'subject' })
      }
      if ((await store.machine(query.machineId)) === null) {
        throw new AuthorityError('resource_not_found', { parameter: 'subject' })
      }
      const page = await store.m2mTokens({ ...query, now: clock.now() })
      return { rows: page.rows.map(m2mTokenFromRecord), totalCount: page.totalCount }
    },

    async revoke(caller: Caller, id: string, reason: string | null) {
      const row = await store.m2mToken(id)
      if (row === null || (caller.kind === 'machine' && caller.machineId !== row.machineId)) {
        throw new AuthorityError('token_not_found')
      }
      if (row.revokedAt === null) {
        const entry = context.audit('m2m_token.revoked', caller, { target: id, reason })
        await store.write({ type: 'revoke-m2m-token', id, at: clock.now(), reason }, entry)
      }
      const revoked = await store.m2mToken(id)
      if (revoked === null) throw new AuthorityError('token_not_found')
      return m2mTokenFromRecord(revoked)
    },
  })
}

/** What the `mac` of a token's row covers: everything that it allows, to whom, until when. */
function rights(
  row: Pick<OpaqueTokenRecord, 'machineId' | 'scopes' | 'claims' | 'expiresAt'>,
): Bound {
  return [row.machineId, row.scopes.join(' '), row.claims, row.expiresAt]
}

/** A machine that asks for a token, and its receivers, as of its policy version. */
interface Issuer {
  readonly machine: MachineRecord
  readonly by: MachineCaller
  readonly receiverIds: readonly string[]
}

async function issuerOf(
  context: Context,
  receiverIdsOf: ReceiverIdsOf,
  by: MachineCaller,
): Promise<Issuer> {
  const machine = await context.store.machine(by.machineId)
  // After the machine: who ends a secret and then its tokens changes the machine, and that is noticed.
  const [, receiverIds] = await Promise.all([requireLive(context, by), receiverIdsOf(by.machineId)])
  if (machine === null) throw new AuthorityError('machine_secret_key_invalid')
  return { machine, by, receiverIds }
}

/**
 * A secret that ended after it was checked is from now on as good as any wrong one.
 *
 * @throws {AuthorityError} `machine_secret_key_invalid`
 */
async function requireLive({ store, clock }: Context, by: MachineCaller): Promise<void> {
  const secret = await store.machineSecret(by.machineId, by.secretVersion)
  if (secret !== null && isLiveSecret(secret, clock.now())) return
  throw new AuthorityError('machine_secret_key_invalid')
}

async function issueOpaque(
  context: Context,
  issuer: Issuer,
  input: NewM2MToken,
  claims: string | null,
): Promise<IssuedM2MToken | 'stale'> {
  const { store, clock, credentials, secrets } = context
  const { machine, by } = issuer
  const now = clock.now()
  const lifetimeSeconds =
    input.lifetimeSeconds ?? Math.min(machine.defaultTokenTtlSeconds, MAX_OPAQUE_SECONDS)
  const scopes = receiversOf(issuer, input.scopes)
  const likeness = likenessOf(claims, scopes)

  if (input.minRemainingSeconds !== undefined) {
    if (input.minRemainingSeconds >= lifetimeSeconds) {
      throw new AuthorityError('lifetime_invalid', {
        parameter: 'min_remaining_ttl_seconds',
        explanation: `min_remaining_ttl_seconds must be less than the token's lifetime of ${lifetimeSeconds} s.`,
      })
    }
    const reused = await findReusable(context, machine.id, likeness, now, input.minRemainingSeconds)
    if (reused !== null) {
      // No transaction decides about a token that is there already.
      await requireLive(context, by)
      return reused
    }
  }

  const expiresAt = now + Math.max(1, Math.round(lifetimeSeconds * 1000))
  const minted = credentials.mint({
    kind: 'm2m-token',
    prefix: 'mt_',
    idKind: 'm2mToken',
    idBytes: context.ids.bytes('m2mToken'),
    bound: rights({ machineId: machine.id, scopes, claims, expiresAt }),
  })
  const token: OpaqueTokenRecord = {
    format: 'opaque',
    id: minted.id,
    machineId: machine.id,
    secretVersion: by.secretVersion,
    scopes,
    claims,
    expiresAt,
    mac: minted.mac,
    sealed: secrets.keep(m2mTokenPlace(minted.id), minted.text),
    likeness,
    createdAt: now,
    updatedAt: now,
    revokedAt: null,
    revocationReason: null,
    lastUsedAt: null,
  }
  const { policyVersion } = machine
  const entry = context.audit('m2m_token.created', by, {
    target: token.id,
    details: { format: 'opaque', expiresAt: token.expiresAt, receivers: scopes.length },
  })
  const outcome = await store.write({ type: 'create-m2m-token', token, policyVersion }, entry)
  return outcome === 'done' ? { token: m2mTokenFromRecord(token), text: minted.text } : 'stale'
}

async function issueJwt(
  context: Context,
  parts: M2MTokenParts,
  issuer: Issuer,
  input: NewM2MToken,
  claims: string | null,
): Promise<IssuedM2MToken | 'stale'> {
  const { clock, ids, defaultAlgorithm } = context
  const { machine } = issuer
  const receiverIds = receiversOf(issuer, input.scopes)
  if (receiverIds.length > MAX_JWT_RECEIVERS) {
    throw new AuthorityError('too_many_receivers', { parameter: 'scopes' })
  }
  if (input.lifetimeSeconds !== undefined && input.lifetimeSeconds > MAX_JWT_SECONDS) {
    throw new AuthorityError('lifetime_invalid', {
      parameter: 'seconds_until_expiration',
      explanation: `seconds_until_expiration of a JWT may be at most ${MAX_JWT_SECONDS} (24 hours).`,
    })
  }
  const algorithm = machine.jwtAlgorithm ?? defaultAlgorithm
  const place = machine.stateless ? null : await parts.statusLists.allocate(algorithm)
  const lifetime =
    input.lifetimeSeconds ?? Math.min(machine.defaultTokenTtlSeconds, MAX_JWT_SECONDS)
  const now = clock.now()
  const issuedAt = Math.floor(now / 1000)
  const facts: JwtFacts = {
    id: ids.create('m2mToken'),
    machineId: machine.id,
    receiverIds,
    issuedAt,
    expiresAt: issuedAt + Math.ceil(lifetime),
    claims,
    status: place && {
      idx: place.statusIndex,
      uri: parts.statusLists.uriOf(place.statusListId),
    },
  }
  const key = parts.signingKeys.signer(algorithm, now)
  // Its signature may be made meanwhile; nobody gets it before its row is durable.
  const [isKept, text] = await Promise.all([
    keepJwt(context, issuer, key, facts, place),
    parts.signJwt(key, facts),
  ])
  if (isKept) return { token: m2mTokenFromJwt(facts), text }
  // It may be that the key was revoked: the next attempt must know.
  await parts.signingKeys.confirm(key.kid)
  return 'stale'
}

/** Whether the token may still be handed out: its machine is as it was when that was decided. */
async function keepJwt(
  { store, audit }: Context,
  { machine, by }: Issuer,
  { kid }: SigningKeyRecord,
  facts: JwtFacts,
  place: StatusPlace | null,
): Promise<boolean> {
  const { policyVersion } = machine
  const entry = audit('m2m_token.created', by, {
    target: facts.id,
    details: {
      format: 'jwt',
      expiresAt: facts.expiresAt * 1000,
      receivers: facts.receiverIds.length,
      kid,
    },
  })
  if (place === null) {
    const machineId = machine.id
    const fence = { type: 'check-policy', machineId, policyVersion, kid } as const
    return (await store.write(fence, entry)) === 'done'
  }
  const issuedAt = facts.issuedAt * 1000
  const token: JwtRecord = {
    format: 'jwt',
    id: facts.id,
    machineId: machine.id,
    secretVersion: by.secretVersion,
    scopes: facts.receiverIds,
    claims: facts.claims,
    expiresAt: facts.expiresAt * 1000,
    kid,
    statusListId: place.statusListId,
    statusIndex: place.statusIndex,
    createdAt: issuedAt,
    updatedAt: issuedAt,
    revokedAt: null,
    revocationReason: null,
    lastUsedAt: null,
  }
  return (await store.write({ type: 'create-m2m-token', token, policyVersion }, entry)) === 'done'
}

/** The machine's receivers, or those of them that were named. */
function receiversOf(
  { receiverIds: granted }: Issuer,
  named: readonly string[] | undefined,
): readonly string[] {
  if (named === undefined) return granted
  for (const id of named) {
    if (granted.includes(id)) continue
    throw new AuthorityError('scope_not_granted', {
      parameter: 'scopes',
      explanation: `scopes names ${id}, which this machine has no scope for.`,
    })
  }
  return [...new Set(named)]
}

async function findReusable(
  context: Context,
  machineId: string,
  likeness: string,
  now: number,
  minRemainingSeconds: number,
): Promise<IssuedM2MToken | null> {
  const endsAfter = now + minRemainingSeconds * 1000
  const row = await context.store.reusableM2MToken(machineId, likeness, endsAfter)
  if (row === null) return null
  const text = context.secrets.read(m2mTokenPlace(row.id), row.sealed)
  if (text === null) return null
  // The row is from the database, which is trusted for nothing: it must prove itself as at a check.
  const recognised = context.credentials.recognise('m2m-token', text)
  const isGenuine = recognised !== null && isLive(context, recognised, row, now)
  return isGenuine && likenessOf(row.claims, row.scopes) === likeness
    ? { token: m2mTokenFromRecord(row), text }
    : null
}

async function findOpaque(context: Context, text: string, now: number): Promise<M2MToken | null> {
  const recognised = context.credentials.recognise('m2m-token', text)
  if (recognised === null) return null
  const row = await context.store.m2mToken(recognised.id)
  if (row?.format !== 'opaque') return null
  return isLive(context, recognised, row, now) ? m2mTokenFromRecord(row) : null
}

function isLive(
  context: Context,
  recognised: Recognised,
  row: OpaqueTokenRecord,
  now: number,
): boolean {
  return (
    row.revokedAt === null &&
    now < row.expiresAt &&
    context.credentials.isBound(recognised, row.mac, rights(row))
  )
}

/** Most tokens have no claims and all receivers of their machine. */
const likenessWithoutClaims = new WeakMap<readonly string[], string>()

function likenessOf(claims: string | null, scopes: readonly string[]): string {
  if (claims !== null) return digestOfContent(claims, scopes)
  const known = likenessWithoutClaims.get(scopes)
  if (known !== undefined) return known
  const likeness = digestOfContent(null, scopes)
  likenessWithoutClaims.set(scopes, likeness)
  return likeness
}

function digestOfContent(claims: string | null, scopes: readonly string[]): string {
  const content = canonicalJson([claims === null ? null : JSON.parse(claims), scopes.toSorted()])
  return createHash('sha256').update(content).digest('base64url')
}
