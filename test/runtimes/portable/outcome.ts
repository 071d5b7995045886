import {
  CountersignError,
  createVerifier,
  isCountersignError,
  M2MToken,
  type Verifier,
  type VerifierOptions,
} from 'countersign/verify'
import type { Suite } from './suite.ts'

/** A verifier for the tokens of the suite. */
export function verifierOf(
  { issuer, audience, nowMs }: Suite,
  options: Partial<VerifierOptions>,
): Verifier {
  return createVerifier({ issuer, audience, clock: () => nowMs, ...options })
}

export interface Outcome {
  readonly verdict: string
  readonly result: Readonly<Record<string, unknown>> | null
}

/** What is neither a token of ours nor an error of ours gets a verdict that no table has. */
export async function outcomeOf(verify: () => Promise<unknown>): Promise<Outcome> {
  try {
    const token = await verify()
    if (!(token instanceof M2MToken)) return { verdict: `returned: ${typeof token}`, result: null }
    return { verdict: 'accepted', result: { ...token } }
  } catch (error) {
    return { verdict: codeOf(error), result: null }
  }
}

function codeOf(error: unknown): string {
  // By all that is promised of our errors.
  const isOurs = error instanceof CountersignError && error.name === 'CountersignError'
  return isOurs && isCountersignError(error) ? error.code : `thrown: ${String(error)}`
}
