import type { AuditActor, AuditEntry, Client } from 'countersign'
import { auditExport } from './audit-export.ts'
import { auditVerify } from './audit-verify.ts'
import {
  countFlag,
  defineCommand,
  instantFlag,
  type Noun,
  onSwitch,
  textFlag,
} from './shell/command.ts'
import { EXIT } from './shell/failure.ts'
import { connectAsOwner, REMOTE_FLAGS } from './shell/remote.ts'
import { safe, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

const FOLLOW_MS = 1_000

export const audit: Noun = {
  about:
    'The audit log: every change, every credential that was issued and every caller that was refused. docs/audit.md says what it proves.',
  commands: {
    list: defineCommand({
      about: 'Shows the newest entries, oldest of them first.',
      examples: [
        ['audit list', 'the last 20'],
        ['audit list --action m2m_tokens.revoked --since 1d', 'what was revoked in bulk'],
        ['audit list --by mch_2h… --limit 100', 'what one machine did'],
        ['audit list --follow', 'and all that come, until Ctrl-C'],
      ],
      words: {},
      flags: {
        action: textFlag('ACTION', 'Such as machine.deleted or caller.refused.'),
        target: textFlag('ID', 'What it was done to.'),
        by: textFlag(
          'ACTOR',
          'A machine or instance key; operator, authority or stranger; or agent:NAME, as an agent calls itself.',
        ),
        since: instantFlag('From this time on (2026-01-31T12:00:00Z), or from that long ago (1h).'),
        until: instantFlag('Before this time, or that long ago.'),
        limit: countFlag('N', 'At most so many. Default: 20.'),
        follow: onSwitch('Go on with what comes; one line each, JSON with --json.'),
        ...REMOTE_FLAGS,
      },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const { action, target, by: actor, since, until, limit = 20, follow } = input
        const narrowing = { action, target, actor, since, until }
        const newest = await findNewest(client, narrowing, limit)
        if (!follow) {
          const rows = newest.map((entry) => cells(entry))
          const headings = ['seq', 'at', 'action', 'by', 'from', 'target', 'reason']
          return { data: newest, lines: table(headings, rows, shell) }
        }
        const print = (entry: AuditEntry): void => {
          shell.print(input.json ? JSON.stringify(entry) : cells(entry).join('  '))
        }
        newest.forEach(print)
        await followLog(client, narrowing, shell, print)
        return EXIT.ok
      },
    }),

    export: auditExport,
    verify: auditVerify,
  },
}

interface Narrowing {
  readonly action: string | undefined
  readonly target: string | undefined
  readonly actor: string | undefined
  readonly since: number | undefined
  readonly until: number | undefined
}

/** Oldest of them first. */
async function findNewest(
  client: Client,
  narrowing: Narrowing,
  limit: number,
): Promise<AuditEntry[]> {
  const found: AuditEntry[] = []
  let before: number | undefined
  while (found.length < limit) {
    const asked = Math.min(limit - found.length, 500)
    const page = await client.auditLog.list({ order: 'desc', before, limit: asked, ...narrowing })
    found.push(...page.data)
    if (page.next === null) break
    before = page.next
  }
  return found.reverse()
}

async function followLog(
  client: Client,
  narrowing: Narrowing,
  shell: Shell,
  print: (entry: AuditEntry) => void,
): Promise<void> {
  const [newest] = (await client.auditLog.list({ order: 'desc', limit: 1 })).data
  let after = newest?.seq ?? 0
  let stopped = false
  const stop = shell.untilStopped().then(() => {
    stopped = true
  })
  for (;;) {
    const page = await client.auditLog.list({ after, limit: 500, ...narrowing })
    page.data.forEach(print)
    after = page.next ?? page.data.at(-1)?.seq ?? after
    if (page.next === null) await Promise.race([stop, pause()])
    // The timer decides when; what the other promise has set is seen here.
    if (isTrue(stopped)) return
  }
}

function isTrue(value: boolean): boolean {
  return value
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FOLLOW_MS))
}

function cells(entry: AuditEntry): string[] {
  const { seq, at, action, by, from, target, reason } = entry
  if (at === null || action === null) return [String(seq), '', 'altered: see audit verify']
  return [
    String(seq),
    new Date(at).toISOString(),
    safe(action),
    safe(by === null ? '' : actor(by)),
    safe(from ?? ''),
    safe(target ?? ''),
    safe(reason ?? ''),
  ]
}

/** The key is proved; what its holder says of itself is not. */
function actor({ kind, machineId, instanceKeyId, claimedAgent }: AuditActor): string {
  const proved = machineId ?? instanceKeyId ?? kind
  return claimedAgent === null ? proved : `${proved} (says: agent ${claimedAgent})`
}
