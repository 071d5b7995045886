import * as v from 'valibot'
import { KEY_SET_MAX_AGE_SECONDS, keyState, publishedUntil } from '../../domain/key-plan.ts'
import type { KeyRing } from '../../domain/key-ring.ts'
import type { Clock } from '../../domain/ports.ts'
import { ALGORITHMS, type SigningKeyRecord } from '../../domain/records.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId } from '../validate.ts'

export interface SigningKeysParts {
  readonly clock: Clock
  readonly doorkeeper: Doorkeeper
  readonly keyRing: KeyRing
}

const rotateBody = rule.body({
  algorithm: v.optional(v.picklist(ALGORITHMS, `must be one of ${ALGORITHMS.join(', ')}`)),
})

/** The keys that sign JWTs: what they are and when, and how to roll them; for the instance key alone. */
export function routeSigningKeys(app: App, parts: SigningKeysParts): void {
  const { doorkeeper, keyRing, clock } = parts

  const listOf = (keys: readonly SigningKeyRecord[]): object => {
    const now = clock.now()
    return { data: keys.map((key) => signingKeyToWire(key, now)), total_count: keys.length }
  }

  app.get('/signing_keys', async (c) => {
    await doorkeeper.instance(c)
    return json(listOf(await keyRing.list()))
  })

  app.post('/signing_keys/rotate', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const { algorithm } = checkBody(rotateBody, body)
    return json(listOf(await keyRing.rotate(caller, algorithm ?? null)))
  })

  app.post('/signing_keys/:kid/revoke', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const kid = parseId('signingKey', c.req.param('kid'), 'resource_not_found')
    const { revocation_reason: reason } = checkBody(rule.revocation, body)
    const { revoked, signer } = await keyRing.revoke(caller, kid, reason ?? null)
    const now = clock.now()
    return json({
      object: 'signing_key_revocation',
      revoked: signingKeyToWire(revoked, now),
      signer: signingKeyToWire(signer, now),
      key_set_max_age: KEY_SET_MAX_AGE_SECONDS,
    })
  })
}

/** Times are epoch milliseconds; `null` where they are not settled. */
function signingKeyToWire(key: SigningKeyRecord, now: number): object {
  return {
    object: 'signing_key',
    kid: key.kid,
    algorithm: key.algorithm,
    state: keyState(key, now),
    created_at: key.createdAt,
    active_from: key.activeFrom,
    retires_at: key.retiresAt,
    published_until: publishedUntil(key),
    revoked_at: key.revokedAt,
    revocation_reason: key.revocationReason,
  }
}
