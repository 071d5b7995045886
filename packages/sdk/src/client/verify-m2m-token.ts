import type { M2MToken } from '../token/m2m-token.ts'
import { createMemo } from '../verify/memo.ts'
import { createClient } from './client.ts'
import type { ClientOptions } from './options.ts'

const clientOf = createMemo(createClient)

/**
 * Verifies a machine token of either format in one call: a JWT locally, an opaque one by asking the
 * authority. The client is made by the first call with these options and serves all that follow.
 *
 * @throws {CountersignError}
 */
export async function verifyM2MToken(token: string, options: ClientOptions): Promise<M2MToken> {
  return clientOf(options).m2m.verify({ token })
}
