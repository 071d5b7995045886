import { getMachineTokenType, isJwtFormat, isM2MJwt, isOAuthJwt } from 'countersign/token'
import { BEHAVIOURS } from './behaviours.ts'
import { outcomeOf, verifierOf } from './outcome.ts'
import type { Report, Suite } from './suite.ts'

/**
 * What every runtime must do alike. The files of this folder run in each of them, as they are: nothing
 * here may be of one platform. They only observe; what is right is written in `../cases`.
 */

/** Runs all of it, on the engine that this runtime has picked. */
export async function runConformance(suite: Suite): Promise<Report> {
  const verdicts: string[] = []
  const results: (Readonly<Record<string, unknown>> | null)[] = []
  for (const { token, keys = suite.keys, audience = suite.audience } of suite.cases) {
    const verifier = verifierOf(suite, { jwks: { keys: keys }, audience })
    const outcome = await outcomeOf(() => verifier.verify(token))
    verdicts.push(outcome.verdict)
    results.push(outcome.result)
  }
  // At once: some of them wait until their time is up.
  const behaviours = await Promise.all(
    Object.entries(BEHAVIOURS).map(async ([name, behave]) => [
      name,
      await behave(suite).catch((error: unknown) => `thrown: ${String(error)}`),
    ]),
  )
  return {
    verdicts,
    results,
    classes: suite.cases.map(({ token }) => classOf(token)),
    behaviours: Object.fromEntries(behaviours) as Report['behaviours'],
    ...(await runMutations(suite)),
  }
}

function classOf(token: string): string {
  let type: string
  try {
    type = getMachineTokenType(token)
  } catch {
    type = 'unknown'
  }
  const says = { jwt: isJwtFormat(token), m2m: isM2MJwt(token), oauth: isOAuthJwt(token) }
  const names = Object.entries(says).filter(([, is]) => is)
  return [type, ...names.map(([name]) => name)].join(' ')
}

const CHANGES: Readonly<Record<string, (character: string) => string>> = {
  'another character of the alphabet': (one) => (one === 'A' ? 'B' : 'A'),
  // As somebody would read it who takes one byte of each character.
  'the character with the same low byte': (one) => String.fromCharCode(one.charCodeAt(0) + 0x100),
  'a lone surrogate with the same low byte': (one) =>
    String.fromCharCode(one.charCodeAt(0) + 0xd800),
  'no character': () => '',
  'a blank before it': (one) => ` ${one}`,
  'padding before it': (one) => `=${one}`,
  'a zero before it': (one) => `\0${one}`,
}

async function runMutations(suite: Suite): Promise<Pick<Report, 'mutations' | 'mutationTrace'>> {
  const verifier = verifierOf(suite, { jwks: { keys: suite.keys } })
  const letters = new Map<string, string>()
  const mutations: Record<string, Record<string, number>> = {}
  let mutationTrace = ''
  for (const [kind, change] of Object.entries(CHANGES)) {
    const counts: Record<string, number> = {}
    for (let at = 0; at < suite.mutated.length; at++) {
      const rest = suite.mutated.slice(at + 1)
      const token = suite.mutated.slice(0, at) + change(suite.mutated.charAt(at)) + rest
      const { verdict } = await outcomeOf(() => verifier.verify(token))
      counts[verdict] = (counts[verdict] ?? 0) + 1
      const letter = letters.get(verdict) ?? String.fromCharCode(97 + letters.size)
      letters.set(verdict, letter)
      mutationTrace += letter
    }
    mutations[kind] = counts
  }
  return { mutations, mutationTrace: `${[...letters.keys()].join(' ')} ${mutationTrace}` }
}
