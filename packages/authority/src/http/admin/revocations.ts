import * as v from 'valibot'
import type { Revocations } from '../../domain/revocations.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody } from '../validate.ts'

const revokeBody = rule.body({
  machine_id: v.optional(rule.machineId),
  secret_version: v.optional(rule.wholeNumber(1, 65_535)),
  issued_before: v.optional(rule.instant),
  kid: v.optional(rule.signingKeyId),
  receiver_id: v.optional(rule.machineId),
  entire_instance: v.optional(v.literal(true, 'must be true, or absent')),
  dry_run: v.optional(v.boolean('must be true or false'), false),
  revocation_reason: v.optional(v.nullable(rule.text(0, 255))),
})

export interface RevocationsParts {
  readonly doorkeeper: Doorkeeper
  readonly revocations: Revocations
}

/** Revocation of many tokens at once. */
export function routeRevocations(app: App, { doorkeeper, revocations }: RevocationsParts): void {
  app.post('/m2m_tokens/revoke', async (c) => {
    const { caller, body } = await doorkeeper.anyone(c)
    const input = checkBody(revokeBody, body)
    const predicate = {
      machineId: input.machine_id,
      secretVersion: input.secret_version,
      issuedBefore: input.issued_before,
      kid: input.kid,
      receiverId: input.receiver_id,
    }
    rule.requireOne(input, ['machine_id', 'issued_before', 'kid', 'receiver_id', 'entire_instance'])
    if (input.dry_run) {
      const count = await revocations.count(caller, predicate)
      return json({ object: 'revocation', id: null, dry_run: true, count })
    }
    const done = await revocations.revoke(caller, predicate, input.revocation_reason ?? null)
    return json({ object: 'revocation', id: done.id, dry_run: false, count: done.count })
  })
}
