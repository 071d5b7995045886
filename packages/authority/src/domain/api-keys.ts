import type { Actor } from './actors.ts'
import { encodeClaims } from './claims.ts'
import type { Context } from './context.ts'
import type { Bound } from './credentials.ts'
import { AuthorityError } from './errors.ts'
import type { ApiKeyQuery, Page } from './ports.ts'
import type { ApiKeyRecord } from './records.ts'
import type { Uses } from './uses.ts'
import { apiKeyPlace } from './places.ts'

export interface NewApiKey {
  readonly type: string
  readonly name: string
  readonly subject: string
  readonly description: string | null
  readonly claims?: unknown
  readonly scopes: readonly string[]
  readonly createdBy: string | null
  /** `null`: it does not expire. May be a fraction. */
  readonly lifetimeSeconds: number | null
}

/** What is given changes; `null` takes a description, the claims or the end away. */
export interface ApiKeyChange {
  readonly claims?: unknown
  readonly scopes?: readonly string[] | undefined
  readonly description?: string | null | undefined
  readonly subject?: string | undefined
  readonly lifetimeSeconds?: number | null | undefined
}

/** An API key without its secret. Times are epoch milliseconds. */
export interface ApiKey extends Omit<ApiKeyRecord, 'mac' | 'digest' | 'sealed' | 'claims'> {
  readonly claims: unknown
}

/** Issues, verifies, changes and revokes API keys. Refuses with {@link AuthorityError}. */
export interface ApiKeys {
  /** @throws {AuthorityError} `claims_invalid` */
  create(by: Actor, input: NewApiKey): Promise<{ readonly apiKey: ApiKey; readonly secret: string }>
  list(query: Omit<ApiKeyQuery, 'now'>): Promise<Page<ApiKey>>
  /** @throws {AuthorityError} `api_key_not_found`; likewise all below. */
  get(id: string): Promise<ApiKey>
  /** @throws {AuthorityError} `claims_invalid`, `conflict` */
  update(by: Actor, id: string, change: ApiKeyChange): Promise<ApiKey>
  delete(by: Actor, id: string): Promise<void>
  /** @throws {AuthorityError} `read_back_disabled` */
  readBack(by: Actor, id: string): Promise<string>
  /** Idempotent: the first revocation stands. */
  revoke(by: Actor, id: string, reason: string | null): Promise<ApiKey>
  verify(secret: string): Promise<ApiKey>
}

const UPDATE_ATTEMPTS = 8

export function createApiKeys(context: Context, uses: Uses): ApiKeys {
  const { store, clock, credentials, secrets } = context

  const find = async (id: string): Promise<ApiKeyRecord> => {
    const row = await store.apiKey(id)
    if (row === null) throw new AuthorityError('api_key_not_found')
    return row
  }

  return Object.freeze({
    async create(by: Actor, input: NewApiKey) {
      const now = clock.now()
      const { lifetimeSeconds, ...described } = input
      const content = {
        ...described,
        claims: encodeClaims(input.claims, 'opaque'),
        expiresAt: lifetimeSeconds === null ? null : endOf(now, lifetimeSeconds),
      }
      const minted = credentials.mint({
        kind: 'api-key',
        prefix: 'ak_',
        idKind: 'apiKey',
        idBytes: context.ids.bytes('apiKey'),
        bound: rights(content),
      })
      const row: ApiKeyRecord = {
        ...content,
        id: minted.id,
        mac: minted.mac,
        digest: minted.digest,
        sealed: secrets.keep(apiKeyPlace(minted.id), minted.text),
        createdAt: now,
        updatedAt: now,
        revokedAt: null,
        revocationReason: null,
        lastUsedAt: null,
      }
      await store.write(
        { type: 'create-api-key', apiKey: row },
        context.audit('api_key.created', by, {
          target: row.id,
          details: { subject: row.subject, expiresAt: row.expiresAt },
        }),
      )
      return { apiKey: fromRecord(row), secret: minted.text }
    },

    async list(query: Omit<ApiKeyQuery, 'now'>) {
      const page = await store.apiKeys({ ...query, now: clock.now() })
      return { rows: page.rows.map(fromRecord), totalCount: page.totalCount }
    },

    get: async (id: string) => fromRecord(await find(id)),

    async update(by: Actor, id: string, change: ApiKeyChange) {
      for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt++) {
        const before = await find(id)
        const identity = { kind: 'api-key', id, digest: before.digest } as const
        // A row that somebody else wrote must not get the authority's blessing by being changed.
        if (!credentials.isBound(identity, before.mac, rights(before))) {
          throw new AuthorityError('api_key_not_found')
        }
        const changed = applyChange(before, change, clock.now())
        const after = { ...changed, mac: credentials.bind(identity, rights(changed)) }
        const outcome = await store.write(
          { type: 'replace-api-key', before, after },
          context.audit('api_key.updated', by, {
            target: id,
            details: { changed: Object.keys(change) },
          }),
        )
        if (outcome === 'done') return fromRecord(after)
      }
      throw new AuthorityError('conflict')
    },

    async delete(by: Actor, id: string) {
      const entry = context.audit('api_key.deleted', by, { target: id })
      const outcome = await store.write({ type: 'delete-api-key', id }, entry)
      if (outcome !== 'done') throw new AuthorityError('api_key_not_found')
    },

    async readBack(by: Actor, id: string) {
      const row = await find(id)
      const secret = secrets.read(apiKeyPlace(id), row.sealed)
      if (secret === null) throw new AuthorityError('read_back_disabled')
      await store.write({ type: 'record-event' }, context.audit('api_key.read', by, { target: id }))
      return secret
    },

    async revoke(by: Actor, id: string, reason: string | null) {
      const outcome = await store.write(
        { type: 'revoke-api-key', id, at: clock.now(), reason },
        context.audit('api_key.revoked', by, { target: id, reason }),
      )
      if (outcome !== 'done') throw new AuthorityError('api_key_not_found')
      return fromRecord(await find(id))
    },

    async verify(secret: string) {
      const now = clock.now()
      const recognised = credentials.recognise('api-key', secret)
      if (recognised === null) throw new AuthorityError('api_key_not_found')
      const row = await find(recognised.id)
      const live = row.revokedAt === null && (row.expiresAt === null || now < row.expiresAt)
      if (!live || !credentials.isBound(recognised, row.mac, rights(row))) {
        throw new AuthorityError('api_key_not_found')
      }
      uses.note('apiKeys', row.id, row.lastUsedAt, now)
      return fromRecord(row)
    },
  })
}

/** What the `mac` of a key's row covers: whose it is, everything that it allows, until when. */
function rights(
  row: Pick<ApiKeyRecord, 'type' | 'subject' | 'scopes' | 'claims' | 'createdBy' | 'expiresAt'>,
): Bound {
  const { type, subject, scopes, claims, createdBy, expiresAt } = row
  return [type, subject, JSON.stringify(scopes), claims, createdBy, expiresAt]
}

function applyChange(before: ApiKeyRecord, change: ApiKeyChange, now: number): ApiKeyRecord {
  return {
    ...before,
    updatedAt: now,
    subject: change.subject ?? before.subject,
    scopes: change.scopes ?? before.scopes,
    description: change.description === undefined ? before.description : change.description,
    claims: change.claims === undefined ? before.claims : encodeClaims(change.claims, 'opaque'),
    expiresAt: changedEnd(before.expiresAt, change.lifetimeSeconds, now),
  }
}

function changedEnd(
  before: number | null,
  lifetimeSeconds: number | null | undefined,
  now: number,
): number | null {
  if (lifetimeSeconds === undefined) return before
  return lifetimeSeconds === null ? null : endOf(now, lifetimeSeconds)
}

function endOf(now: number, lifetimeSeconds: number): number {
  return now + Math.max(1, Math.round(lifetimeSeconds * 1000))
}

function fromRecord(row: ApiKeyRecord): ApiKey {
  const { mac: _mac, digest: _digest, sealed: _sealed, claims, ...apiKey } = row
  return { ...apiKey, claims: claims === null ? null : (JSON.parse(claims) as unknown) }
}
