import * as z from 'zod'
import { limit, time } from './schemas.ts'
import { defineTool, isoTime, present, type Tool } from './tool.ts'

export const readAuditLog: Tool = defineTool({
  name: 'read_audit_log',
  title: 'Read the audit log',
  description:
    'Reads the audit log, newest entries first: what was done, when, by which key, on what and why. `claimedAgent` is what an agent calls itself, and proves nothing.',
  isWrite: false,
  needs: 'owner',
  input: z.strictObject({
    action: z.string().min(1).max(64).optional().describe('Such as machine.deleted'),
    target: z.string().min(1).max(255).optional().describe('The id of what it was done to'),
    actor: z
      .string()
      .min(1)
      .max(80)
      .optional()
      .describe(
        'The id of a machine or an instance key; operator, authority or stranger; agent:NAME',
      ),
    since: z.iso.datetime().optional(),
    before: z.number().int().min(1).optional().describe('`next` of the page before'),
    limit: limit(50),
  }),
  output: z.object({
    entries: z.array(
      z.object({
        seq: z.number(),
        at: time,
        action: z.string().nullable(),
        by: z.string().nullable(),
        claimedAgent: z.string().nullable(),
        from: z.string().nullable(),
        target: z.string().nullable(),
        reason: z.string().nullable(),
        details: z.record(z.string(), z.unknown()),
      }),
    ),
    next: z.number().nullable().describe('`before` for the page that follows; null at the end'),
  }),
  intent: ({ target }) => (target !== undefined && /^\w{1,64}$/.test(target) ? { target } : {}),
  async run({ owner }, { since, ...query }) {
    const { data, next } = await present(owner).auditLog.list({
      ...query,
      order: 'desc',
      since: since === undefined ? undefined : Date.parse(since),
    })
    const entries = data.map(({ seq, at, action, by, from, target, reason, details }) => ({
      seq,
      at: isoTime(at),
      action,
      by: by?.machineId ?? by?.instanceKeyId ?? by?.kind ?? null,
      claimedAgent: by?.claimedAgent ?? null,
      from,
      target,
      reason,
      details,
    }))
    return { entries, next }
  },
})
