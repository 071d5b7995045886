import { createHash } from 'node:crypto'
import type { AuditRecord } from './records.ts'

/** What the first entry follows. */
export const FIRST_HASH: Uint8Array = new Uint8Array(32)

/** The hash of an entry: it covers the entry, its place, and through the hash before it all others. */
export function nextHash(
  before: Uint8Array,
  { seq, mac, entry }: Omit<AuditRecord, 'hash'>,
): Uint8Array {
  return createHash('sha256').update(before).update(`${seq}\n`).update(mac).update(entry).digest()
}
