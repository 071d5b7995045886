import type { AuditPublicKey } from '../domain/audit-key.ts'
import type { AuditCheckpointRecord, AuditRecord } from '../domain/records.ts'

/**
 * An audit log as a file: a JSON text a line, first a header, then entries and, each after the entry
 * that it covers, checkpoints. A line is written in one way only, so that a change of any byte shows.
 */

export type AuditItem =
  | { readonly type: 'entry'; readonly record: AuditRecord }
  | { readonly type: 'checkpoint'; readonly record: AuditCheckpointRecord }

export interface AuditHeader {
  readonly instanceId: string
  readonly keys: readonly AuditPublicKey[]
}

/** Where entries and checkpoints come from, a page at a time; `null` for `next` at the end. */
export interface AuditSource {
  entries(after: number): Promise<AuditSourcePage<AuditRecord>>
  checkpoints(after: number): Promise<AuditSourcePage<AuditCheckpointRecord>>
}

export interface AuditSourcePage<Item> {
  readonly items: readonly Item[]
  readonly next: number | null
}

/**
 * The whole log in the order of a file, a page at a time: to wait for each entry costs more than to
 * verify it. A log that grows meanwhile is read at least as far as it was checkpointed.
 */
export async function* readAuditLog(source: AuditSource): AsyncGenerator<readonly AuditItem[]> {
  const checkpoints: AuditItem[] = []
  for await (const page of inPages((after) => source.checkpoints(after), 0)) {
    for (const record of page) checkpoints.push({ type: 'checkpoint', record })
  }
  let given = 0
  const takeBefore = (seq: number): AuditItem[] => {
    const start = given
    while ((checkpoints[given]?.record.seq ?? Number.POSITIVE_INFINITY) < seq) given++
    return checkpoints.slice(start, given)
  }
  let last = 0
  for (;;) {
    const before = last
    for await (const page of inPages((after) => source.entries(after), last)) {
      const items: AuditItem[] = []
      for (const record of page) {
        const earlier = takeBefore(record.seq)
        // Of those before the log begins, only the one that it begins after matters.
        items.push(...earlier.filter(({ record: { seq } }) => last > 0 || seq === record.seq - 1))
        items.push({ type: 'entry', record })
        last = record.seq
      }
      yield items
    }
    yield takeBefore(last === before ? Number.POSITIVE_INFINITY : last + 1)
    if (given === checkpoints.length) return
  }
}

async function* inPages<Item>(
  read: (after: number) => Promise<AuditSourcePage<Item>>,
  start: number,
): AsyncGenerator<readonly Item[], undefined> {
  let after: number | null = start
  while (after !== null) {
    const page: AuditSourcePage<Item> = await read(after)
    yield page.items
    after = page.next
  }
}

const FORMAT = 'countersign-audit-log'

export function writeHeader({ instanceId, keys }: AuditHeader): string {
  return JSON.stringify({ type: 'header', format: FORMAT, version: 1, instanceId, keys })
}

export function writeItem(item: AuditItem): string {
  const { seq } = item.record
  const hash = toText(item.record.hash)
  if (item.type === 'entry') {
    const { mac, entry } = item.record
    return JSON.stringify({ type: 'entry', seq, hash, mac: toText(mac), entry })
  }
  const { at, keyVersion, signature } = item.record
  return JSON.stringify({
    type: 'checkpoint',
    seq,
    hash,
    at,
    keyVersion,
    signature: toText(signature),
  })
}

/** `null` for what {@link writeHeader} did not write. */
export function readHeader(line: string): AuditHeader | null {
  const header = parse(line)
  const { instanceId, keys } = header
  if (header['format'] !== FORMAT || typeof instanceId !== 'string' || !Array.isArray(keys)) {
    return null
  }
  const parsed = { instanceId, keys: keys as AuditPublicKey[] }
  return writeHeader(parsed) === line ? parsed : null
}

/** `null` for what {@link writeItem} did not write. */
export function readItem(line: string): AuditItem | null {
  const item = toItem(parse(line))
  return item !== null && writeItem(item) === line ? item : null
}

type Fields = Readonly<Record<string, unknown>>

function parse(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Fields) : {}
  } catch {
    return {}
  }
}

function toItem(fields: Fields): AuditItem | null {
  const { seq, hash, mac, entry, at, keyVersion, signature } = fields
  if (typeof seq !== 'number' || typeof hash !== 'string') return null
  if (fields['type'] === 'entry' && typeof mac === 'string' && typeof entry === 'string') {
    return { type: 'entry', record: { seq, hash: toBytes(hash), mac: toBytes(mac), entry } }
  }
  if (
    fields['type'] === 'checkpoint' &&
    typeof at === 'number' &&
    typeof keyVersion === 'number' &&
    typeof signature === 'string'
  ) {
    const record = { seq, hash: toBytes(hash), at, keyVersion, signature: toBytes(signature) }
    return { type: 'checkpoint', record }
  }
  return null
}

export function toBytes(text: string): Uint8Array {
  return Buffer.from(text, 'base64url')
}

export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
