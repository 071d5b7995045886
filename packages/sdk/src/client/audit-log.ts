import type { JsonObject } from '../token/json.ts'
import { createCallers } from './m2m-verification.ts'
import type { Settings } from './options.ts'
import { done, query, required } from './request.ts'
import type { Send } from './transport.ts'
import type {
  AuditCheckpointList,
  AuditEntryList,
  GetAuditCheckpointListParams,
  GetAuditLogParams,
  RecordAgentCallParams,
} from './types.ts'
import { toAuditCheckpointList, toAuditEntryList } from './wire.ts'

/** The audit log of a Countersign authority. Every call throws `CountersignError`. Reading needs `secretKey`. */
export interface AuditLogApi {
  /** A page may be empty and not the last: go on while `next` is not null. */
  list(params?: GetAuditLogParams): Promise<AuditEntryList>
  /** What was signed of it, and the keys that it was signed with. */
  checkpoints(params?: GetAuditCheckpointListParams): Promise<AuditCheckpointList>
  /** Says what an agent is about to do; needs the option `agent`, and any key. Durable when it resolves. */
  recordAgentCall(params: RecordAgentCallParams): Promise<void>
}

export function createAuditLogApi(settings: Settings, send: Send): AuditLogApi {
  const get = (path: string): Promise<JsonObject> =>
    send({
      method: 'GET',
      path,
      secret: required(settings.secretKey(), 'secretKey'),
      success: 200,
      repeatable: true,
    })

  const callerOf = createCallers(settings)

  return Object.freeze({
    list: async ({ order, after, before, limit, ...narrowing }: GetAuditLogParams = {}) => {
      const { action, target, actor, since, until, exact } = narrowing
      const which = { order, after, before, limit, action, target, actor, since, until, exact }
      return toAuditEntryList(await get(`/audit_log${query(which)}`))
    },

    checkpoints: async ({ after, limit }: GetAuditCheckpointListParams = {}) =>
      toAuditCheckpointList(await get(`/audit_log/checkpoints${query({ after, limit })}`)),

    async recordAgentCall({ tool, target, reason, ...key }: RecordAgentCallParams) {
      const { secret } = callerOf(key)
      const body = { tool, target: target ?? null, reason: reason ?? null }
      const path = '/audit_log/agent_calls'
      const call = { method: 'POST', path, body, secret, success: 201, repeatable: true } as const
      const answer = await send(call)
      done(answer, answer['tool'] === tool, 'the call to be recorded')
    },
  })
}
