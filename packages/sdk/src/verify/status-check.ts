import { engine } from '#engine'
import type { Engine } from './engine/engine.ts'
import type { JwtSettings } from './jwt-settings.ts'
import type { KeySet } from './key-set.ts'
import { checkRevocation, type RevocationOptions } from './revocation.ts'
import type { StatusLists } from './status-lists.ts'

/** {@link StatusLists} that are there once they are needed. */
export type StatusCheck = Pick<StatusLists, 'check' | 'warm' | 'isReady' | 'close'>

/**
 * How a verifier checks the status of its tokens; `null` for not at all. What it takes is loaded with the
 * first token that has a status: many have none.
 *
 * @param base Where what lies below the issuer is reached.
 * @throws {CountersignError} `configuration-invalid`
 */
export function statusCheckOf(
  revocation: RevocationOptions | null | undefined,
  settings: JwtSettings,
  keys: KeySet,
  base: string,
  on: Engine = engine,
): StatusCheck | null {
  if (revocation === null) return null
  const parts = { ...settings, ...checkRevocation(revocation), engine: on, keys, base }
  let lists: StatusLists | undefined
  const load = async (): Promise<StatusLists> => {
    const { createStatusLists } = await import('./status-lists.ts')
    return (lists ??= createStatusLists(parts))
  }
  return {
    check: (status: unknown) =>
      lists ? lists.check(status) : load().then((loaded) => loaded.check(status)),
    // Whose keys are given and not fetched may have nobody to ask.
    warm: async () => (settings.jwks === undefined ? (await load()).warm() : undefined),
    isReady: () => lists?.isReady() ?? true,
    close() {
      parts.push = false
      lists?.close()
    },
  }
}
