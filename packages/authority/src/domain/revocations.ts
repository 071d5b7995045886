import type { Caller } from './actors.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import type { Revocation } from './ports.ts'
import type { TokenPredicate } from './records.ts'

/** Ends many tokens at once, of both formats, when something has gone wrong. */
export interface Revocations {
  /**
   * Revokes every live token that the predicate fits; an empty one fits all of the instance.
   *
   * @throws {AuthorityError} `forbidden_subject` when a machine means more than its own tokens
   */
  revoke(by: Caller, predicate: TokenPredicate, reason: string | null): Promise<RevocationResult>
  /** How many tokens that would be now. Throws as `revoke`. */
  count(by: Caller, predicate: TokenPredicate): Promise<number>
}

export interface RevocationResult {
  readonly id: string
  readonly count: number
}

export function createRevocations(context: Context): Revocations {
  const { store, clock } = context
  return Object.freeze({
    async revoke(by: Caller, predicate: TokenPredicate, reason: string | null) {
      refuseOthers(by, predicate)
      const revocation = newRevocation(context, predicate, reason)
      const entry = context.audit('m2m_tokens.revoked', by, {
        target: revocation.id,
        reason,
        details: { ...predicate },
      })
      await store.write({ type: 'revoke-m2m-tokens', revocation }, entry)
      const done = await store.revocation(revocation.id)
      return { id: revocation.id, count: done?.count ?? 0 }
    },

    async count(by: Caller, predicate: TokenPredicate) {
      refuseOthers(by, predicate)
      return store.countM2MTokens(predicate, clock.now())
    },
  })
}

/** A revocation that is decided on now. */
export function newRevocation(
  { ids, clock }: Pick<Context, 'ids' | 'clock'>,
  predicate: TokenPredicate,
  reason: string | null,
): Revocation {
  return { id: ids.create('revocation'), at: clock.now(), predicate, reason }
}

/** A machine ends what it has made itself, and nothing else. */
function refuseOthers(by: Caller, { machineId }: TokenPredicate): void {
  if (by.kind === 'instance' || by.machineId === machineId) return
  throw new AuthorityError('forbidden_subject', { parameter: 'machine_id' })
}
