import type { Settings } from './options.ts'
import { done, idInPath, required } from './request.ts'
import type { Call, Send } from './transport.ts'
import type {
  PaginatedList,
  RevokeSigningKeyParams,
  RotateSigningKeysParams,
  SigningKey,
  SigningKeyRevocation,
} from './types.ts'
import { toList, toSigningKey, toSigningKeyRevocation } from './wire.ts'

/**
 * The keys that sign the authority's JWTs; Clerk's Backend API has no such calls. Every call needs
 * `secretKey` and throws `CountersignError`.
 */
export interface SigningKeysApi {
  /** All that are published, and those that were revoked lately. */
  list(): Promise<PaginatedList<SigningKey>>
  /** Lets the next key take over as soon as verifiers have it; the answer says when (`activeFrom`). */
  rotate(params?: RotateSigningKeysParams): Promise<PaginatedList<SigningKey>>
  /** Ends a key, and every token that it signed, at once. */
  revoke(params: RevokeSigningKeyParams): Promise<SigningKeyRevocation>
}

export function createSigningKeysApi(settings: Settings, send: Send): SigningKeysApi {
  const ask = (call: Omit<Call, 'secret' | 'success'>): ReturnType<Send> =>
    send({ ...call, success: 200, secret: required(settings.secretKey(), 'secretKey') })

  return Object.freeze({
    async list() {
      const call = { method: 'GET', path: '/signing_keys', repeatable: true } as const
      return toList('data', toSigningKey)(await ask(call))
    },

    async rotate({ algorithm }: RotateSigningKeysParams = {}) {
      const path = '/signing_keys/rotate'
      // What is asked for twice happens once.
      const answer = await ask({ method: 'POST', path, body: { algorithm }, repeatable: true })
      return toList('data', toSigningKey)(answer)
    },

    async revoke({ kid, revocationReason }: RevokeSigningKeyParams) {
      const path = `/signing_keys/${idInPath('kid', kid)}/revoke`
      const body = { revocation_reason: revocationReason }
      const answer = await ask({ method: 'POST', path, body, repeatable: true })
      const revocation = toSigningKeyRevocation(answer)
      const { revoked } = revocation
      const isDone = revoked.kid === kid && revoked.state === 'revoked'
      return done(revocation, isDone, `the key ${kid} to be revoked`)
    },
  })
}
