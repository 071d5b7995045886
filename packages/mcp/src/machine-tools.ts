import * as z from 'zod'
import { limit, machineId, offset, time } from './schemas.ts'
import { defineTool, isoTime, present, type Tool } from './tool.ts'

/** Who is there, and who may call whom. */

const machine = z.object({ id: z.string(), name: z.string() })

export const listMachines: Tool = defineTool({
  name: 'list_machines',
  title: 'List machines',
  description: 'Lists the machines of the instance, newest first: their ids and names.',
  isWrite: false,
  needs: 'owner',
  input: z.strictObject({
    query: z.string().min(1).max(64).optional().describe('An exact id, or a part of a name'),
    limit: limit(100),
    offset,
  }),
  output: z.object({
    machines: z.array(machine.extend({ createdAt: time, defaultTokenSeconds: z.number() })),
    totalCount: z.number(),
  }),
  intent: () => ({}),
  async run({ owner }, { query, ...page }) {
    const found = await present(owner).machines.list({
      ...page,
      ...(query !== undefined && { query }),
    })
    // Named one by one: a machine may come with its secret.
    const machines = found.data.map(({ id, name, createdAt, defaultTokenTtl }) => ({
      id,
      name,
      createdAt: isoTime(createdAt),
      defaultTokenSeconds: defaultTokenTtl,
    }))
    return { machines, totalCount: found.totalCount }
  },
})

export const listScopes: Tool = defineTool({
  name: 'list_scopes',
  title: 'List the scopes of a machine',
  description: 'Tells which machines one machine may call.',
  isWrite: false,
  needs: 'owner',
  input: z.strictObject({ machineId }),
  output: machine.extend({ mayCall: z.array(machine) }),
  intent: (input) => ({ target: input.machineId }),
  async run({ owner }, input) {
    const { id, name, scopedMachines } = await present(owner).machines.get(input.machineId)
    return { id, name, mayCall: scopedMachines.map((one) => ({ id: one.id, name: one.name })) }
  },
})
