import { type AgentToolsOptions, createAgentTools, type AgentTools } from '@countersign/mcp'
import { type Client, createClient, type Machine } from 'countersign'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/** A running authority, the machine whose tokens an agent may mint, and who those may reach. */
export interface Setting extends AsyncDisposable {
  readonly authority: TestAuthority
  readonly clock: TestClock
  readonly owner: Client
  /** The machine of the agents; it may call `api` and `billing`. */
  readonly robot: Machine
  readonly api: Machine
  readonly billing: Machine
  /** May call `robot`. */
  readonly caller: Machine
  /** With both keys, and every tool switched on. */
  tools(options?: Partial<AgentToolsOptions>): AgentTools
}

export async function createSetting(): Promise<Setting> {
  const clock = createTestClock()
  const authority = await startTestAuthority({ clock })
  const owner = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await owner.machines.create({ name: 'api' })
  const billing = await owner.machines.create({ name: 'billing' })
  const robot = await owner.machines.create({
    name: 'robot',
    scopedMachines: [api.id, billing.id],
  })
  const caller = await owner.machines.create({ name: 'caller', scopedMachines: [robot.id] })
  return {
    authority,
    clock,
    owner,
    robot,
    api,
    billing,
    caller,
    tools: (options = {}) =>
      createAgentTools({
        apiUrl: authority.url,
        secretKey: authority.secretKey,
        machineSecretKey: robot.secretKey,
        allow: ['mint_token', 'revoke_token'],
        agent: 'claude',
        clock: () => clock.now(),
        ...options,
      }),
    [Symbol.asyncDispose]: () => authority.close(),
  }
}
