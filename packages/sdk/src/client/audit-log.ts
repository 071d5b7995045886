import type { JsonObject } from '../token/json.ts'
import type { Settings } from './options.ts'
import { query, required } from './request.ts'
import type { Send } from './transport.ts'
import type {
  AuditCheckpointList,
  AuditEntryList,
  GetAuditCheckpointListParams,
  GetAuditLogParams,
} from './types.ts'
import { toAuditCheckpointList, toAuditEntryList } from './wire.ts'

/** The audit log of a Countersign authority. Every call needs `secretKey` and throws `CountersignError`. */
export interface AuditLogApi {
  /** A page may be empty and not the last: go on while `next` is not null. */
  list(params?: GetAuditLogParams): Promise<AuditEntryList>
  /** What was signed of it, and the keys that it was signed with. */
  checkpoints(params?: GetAuditCheckpointListParams): Promise<AuditCheckpointList>
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

  return Object.freeze({
    list: async ({ order, after, before, limit, ...narrowing }: GetAuditLogParams = {}) => {
      const { action, target, actor, since, until, exact } = narrowing
      const which = { order, after, before, limit, action, target, actor, since, until, exact }
      return toAuditEntryList(await get(`/audit_log${query(which)}`))
    },

    checkpoints: async ({ after, limit }: GetAuditCheckpointListParams = {}) =>
      toAuditCheckpointList(await get(`/audit_log/checkpoints${query({ after, limit })}`)),
  })
}
