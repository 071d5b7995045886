import { closeSync, openSync, writeSync } from 'node:fs'
import type { AuditCheckpoint, AuditEntry, Client } from 'countersign'
import { CountersignError } from 'countersign'
import type { AuditCheckpointRecord, AuditRecord } from '../domain/records.ts'
import { type AuditSource, readAuditLog, toBytes, writeHeader, writeItem } from './audit-file.ts'
import { type Command, defineCommand, textFlag } from './shell/command.ts'
import { CommandError, EXIT } from './shell/failure.ts'
import { connectAsOwner, REMOTE_FLAGS } from './shell/remote.ts'

const PAGE = 500

export const auditExport: Command = defineCommand({
  about: 'Writes the whole audit log, with its checkpoints, as lines of JSON.',
  details:
    'Kept elsewhere, an export shows what becomes of the log after it: that its end was cut off can be told only by a checkpoint of an earlier export. The first line holds the public key that the checkpoints are signed with.',
  examples: [
    ['audit export --out audit.ndjson', 'into a new file of this user alone'],
    ['audit export | gzip > audit.ndjson.gz', 'on standard output'],
  ],
  words: {},
  flags: {
    out: textFlag('FILE', 'A file that does not exist yet. Default: standard output.'),
    ...REMOTE_FLAGS,
  },
  async run(input, shell) {
    const client = await connectAsOwner(input, shell)
    const { instanceId, keys } = await client.auditLog.checkpoints({ limit: 1 })
    const sink = input.out === undefined ? null : openNew(input.out)
    let portion = [writeHeader({ instanceId, keys })]
    const flush = (): void => {
      if (portion.length === 0) return
      const text = portion.join('\n')
      if (sink === null) shell.print(text)
      else writeSync(sink, `${text}\n`)
      portion = []
    }
    let entries = 0
    let newest: AuditCheckpointRecord | null = null
    try {
      for await (const items of readAuditLog(sourceOf(client))) {
        for (const item of items) {
          if (item.type === 'entry') entries++
          else newest = item.record
          portion.push(writeItem(item))
        }
        flush()
      }
      flush()
    } finally {
      if (sink !== null) closeSync(sink)
    }
    if (input.out === undefined) return EXIT.ok
    const checkpoint =
      newest === null ? null : `${newest.seq}:${Buffer.from(newest.hash).toString('base64url')}`
    return {
      data: { file: input.out, instanceId, entries, checkpoint },
      lines: [`${input.out} has ${entries} entries.`],
      notes: checkpoint === null ? [] : [`Its newest checkpoint is ${checkpoint}`],
    }
  },
})

function sourceOf({ auditLog }: Client): AuditSource {
  return {
    async entries(after) {
      const page = await auditLog.list({ after, limit: PAGE, exact: true })
      return { items: page.data.map(toRecord), next: page.next }
    },
    async checkpoints(after) {
      const page = await auditLog.checkpoints({ after, limit: PAGE })
      return { items: page.data.map(toCheckpointRecord), next: page.next }
    },
  }
}

function toRecord({ seq, hash, mac, entry }: AuditEntry): AuditRecord {
  if (mac === undefined || entry === undefined) {
    throw new CountersignError('answer-unexpected', { expected: 'entries to be exact' })
  }
  return { seq, hash: toBytes(hash), mac: toBytes(mac), entry }
}

function toCheckpointRecord(checkpoint: AuditCheckpoint): AuditCheckpointRecord {
  const { seq, at, keyVersion } = checkpoint
  const [hash, signature] = [toBytes(checkpoint.hash), toBytes(checkpoint.signature)]
  return { seq, hash, at, keyVersion, signature }
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    throw new CommandError('usage', `${file} cannot be made: it exists, or its folder does not.`, {
      cause: error,
    })
  }
}
