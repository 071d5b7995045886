import type { Caller } from './actors.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'

export interface AgentCall {
  /** The tool that the agent is about to use. */
  readonly tool: string
  /** The id of what it is about. */
  readonly target: string | null
  readonly reason: string | null
}

/**
 * What agents are about to do, in the audit log: also what they only read, or do without asking the
 * authority. Their changes are entries as everybody's.
 */
export interface AgentCalls {
  /** Durable when it resolves. @throws {AuthorityError} `bad_request` for a caller that is no agent */
  record(by: Caller, call: AgentCall): Promise<void>
}

export function createAgentCalls({ store, audit }: Pick<Context, 'store' | 'audit'>): AgentCalls {
  return Object.freeze({
    async record(by: Caller, { tool, target, reason }: AgentCall) {
      if (by.claimedAgent === undefined) {
        throw new AuthorityError('bad_request', {
          parameter: 'Countersign-Agent',
          explanation: 'An agent names itself in the header Countersign-Agent.',
        })
      }
      const entry = audit('agent.called', by, { target, reason, details: { tool } })
      await store.write({ type: 'record-event' }, entry)
    },
  })
}
