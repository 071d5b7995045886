import type { Command, Outcome } from '../../../domain/ports.ts'
import type { Begin } from '../commit-queue.ts'
import type { Statements } from '../statements.ts'
import { apiKeyHandlers } from './api-keys.ts'
import { auditLogHandlers, createAuditAppender } from './audit-log.ts'
import type { Handlers } from './handlers.ts'
import { keyHandlers } from './keys.ts'
import { m2mTokenHandlers } from './m2m-tokens.ts'
import { machineHandlers } from './machines.ts'
import { upkeepHandlers } from './upkeep.ts'

/** What applies commands, inside transactions that the caller holds. Checks come before changes. */
export function createBegin(db: Statements): Begin {
  const handlers: Handlers = {
    ...keyHandlers(db),
    ...machineHandlers(db),
    ...m2mTokenHandlers(db),
    ...apiKeyHandlers(db),
    ...auditLogHandlers(db),
    ...upkeepHandlers(db),
  }
  return () => {
    const appendToAuditLog = createAuditAppender(db)
    return ({ command, entry }) => {
      const outcome = (handlers[command.type] as (command: Command) => Outcome)(command)
      if (outcome === 'done' && entry !== undefined) appendToAuditLog(entry)
      return outcome
    }
  }
}
