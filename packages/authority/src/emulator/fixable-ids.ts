import { formatId, type IdKind, parseId } from 'countersign/token'
import type { IdSource } from '../domain/id-source.ts'

/** Ids as ever, but for those that somebody has fixed. */
export interface FixableIds extends IdSource {
  /** The next new thing of this kind gets this id. @throws {TypeError} when it is no id of this kind. */
  fix(kind: IdKind, id: string): void
}

export function createFixableIds(source: IdSource): FixableIds {
  const fixed = new Map<IdKind, Uint8Array>()
  const bytes = (kind: IdKind): Uint8Array => {
    const known = fixed.get(kind)
    fixed.delete(kind)
    return known ?? source.bytes(kind)
  }
  return Object.freeze({
    bytes,
    create: (kind: IdKind) => formatId(kind, bytes(kind)),
    fix(kind: IdKind, id: string) {
      fixed.set(kind, parseId(kind, id))
    },
  })
}
