import * as v from 'valibot'
import type { AgentCalls } from '../../domain/agent-calls.ts'
import type { Clock } from '../../domain/ports.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { createRateLimit } from '../rate-limit.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody } from '../validate.ts'

/** An agent in a loop must not decide how large the audit log is. */
const LIMITS = { perMs: 60_000, each: 120, all: 1_200 }

const callBody = rule.body({
  tool: rule.pattern(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of a tool, such as list_machines'),
  target: v.optional(v.nullable(rule.pattern(/^\w{1,64}$/, 'must be an id'))),
  reason: v.optional(v.nullable(rule.text(0, 255))),
})

export interface AgentCallsParts {
  readonly doorkeeper: Doorkeeper
  readonly agentCalls: AgentCalls
  readonly clock: Clock
}

/** For tools that agents use: what is about to be done is said first. */
export function routeAgentCalls(app: App, parts: AgentCallsParts): void {
  const { doorkeeper, agentCalls, clock } = parts
  const limit = createRateLimit(clock, LIMITS)

  app.post('/audit_log/agent_calls', async (c) => {
    const { caller, body } = await doorkeeper.anyone(c)
    const { tool, target, reason } = checkBody(callBody, body)
    // By key, not by the agent's name, which whoever calls may change.
    limit.take(caller.kind === 'machine' ? caller.machineId : caller.instanceKeyId)
    await agentCalls.record(caller, { tool, target: target ?? null, reason: reason ?? null })
    return json({ object: 'agent_call', tool }, 201)
  })
}
