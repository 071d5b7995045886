import type { ApiKeys } from './api-keys.ts'
import type { Actor } from './actors.ts'
import type { Authenticate } from './callers.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import type { M2MTokens } from './m2m-tokens.ts'

/** What becomes of a credential that somebody found where it should not be. */
export interface LeakedCredentials {
  /**
   * Ends those that are live, by the policy of their kind, and tells the audit log. Says nothing of
   * which were: whoever reports may be guessing.
   */
  report(credentials: readonly string[], found: LeakReport): Promise<void>
}

export interface LeakReport {
  readonly source: string | null
  readonly url: string | null
  readonly address: string | null
}

/** Whether a machine's secret key is ended, which stops its service, or only reported. */
export type LeakedSecretPolicy = 'report' | 'revoke'

export interface LeakedCredentialsParts {
  readonly authenticate: Authenticate
  readonly m2mTokens: M2MTokens
  readonly apiKeys: ApiKeys
  readonly machineSecrets: LeakedSecretPolicy
}

const REASON = 'It was reported as leaked.'

/** What was found to be live, and what was done about it. */
interface Dealt {
  readonly kind: 'm2m_token' | 'api_key' | 'machine_secret' | 'instance_key'
  readonly target: string
  readonly done: 'revoked' | 'reported'
  readonly version?: number
}

export function createLeakedCredentials(
  context: Context,
  parts: LeakedCredentialsParts,
): LeakedCredentials {
  const { store, clock, audit } = context

  const dealWithToken = async (text: string, by: Actor): Promise<Dealt | null> => {
    const token = await parts.m2mTokens.recognise(text)
    if (token === null) return null
    const { id } = token
    if (!token.isKept) return { kind: 'm2m_token', target: id, done: 'reported' }
    const entry = audit('m2m_token.revoked', by, { target: id, reason: REASON })
    const command = { type: 'revoke-m2m-token', id, at: clock.now(), reason: REASON } as const
    await store.write(command, entry)
    return { kind: 'm2m_token', target: id, done: 'revoked' }
  }

  const dealWithKey = async (text: string, by: Actor): Promise<Dealt | null> => {
    const identity = await parts.authenticate.caller(text)
    if (identity?.kind === 'instance') {
      return { kind: 'instance_key', target: identity.instanceKeyId, done: 'reported' }
    }
    if (identity?.kind !== 'machine') return dealWithApiKey(text, by)
    const { machineId, secretVersion: version } = identity
    const found = { kind: 'machine_secret', target: machineId, version } as const
    if (parts.machineSecrets === 'report') return { ...found, done: 'reported' }
    const entry = audit('machine_secret.ended', by, {
      target: machineId,
      reason: REASON,
      details: { versions: [version] },
    })
    await store.write({ type: 'end-machine-secrets', machineId, versions: [version] }, entry)
    return { ...found, done: 'revoked' }
  }

  const dealWithApiKey = async (text: string, by: Actor): Promise<Dealt | null> => {
    try {
      const { id } = await parts.apiKeys.verify(text)
      await parts.apiKeys.revoke(by, id, REASON)
      return { kind: 'api_key', target: id, done: 'revoked' }
    } catch (error) {
      if (error instanceof AuthorityError && error.code === 'api_key_not_found') return null
      throw error
    }
  }

  return Object.freeze({
    async report(credentials: readonly string[], { source, url, address }: LeakReport) {
      const by: Actor = { kind: 'stranger', address }
      for (const text of new Set(credentials)) {
        const isToken = text.startsWith('mt_') || text.includes('.')
        const dealt = await (isToken ? dealWithToken(text, by) : dealWithKey(text, by))
        if (dealt === null) continue
        const { target, ...details } = dealt
        const entry = audit('credential.leaked', by, {
          target,
          details: { ...details, source, url },
        })
        await store.write({ type: 'record-event' }, entry)
      }
    },
  })
}
