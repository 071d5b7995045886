import { SDK_ERRORS } from 'countersign/token'
import { type Command, defineCommand } from './shell/command.ts'
import { CommandError, EXIT, explain } from './shell/failure.ts'
import { type Caller, connectAsMachine, connectWithAnyKey, VERIFY_FLAGS } from './shell/remote.ts'
import { columns } from './shell/text.ts'
import { safe } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'
import { TOKEN_WORD, tokenText } from './shell/token-word.ts'
import { opaqueSteps, type Step, whyJwt } from './why.ts'

/** As the SDK has it. */
const CLOCK_TOLERANCE_SECONDS = 5

/** What came out, for a program. */
interface Outcome {
  readonly accepted: boolean
  /** The code of the refusal. */
  readonly code: string | null
  readonly advice: string | null
  readonly docs: string | null
  readonly steps: readonly Step[]
}

export const why: Command = defineCommand({
  about: 'Tells why a token is accepted or refused: the whole story, step by step.',
  details:
    'It shows what a verifier keeps from the caller, and goes on after the first step that fails. With the key of a machine, or --machine, it is told for that machine; with the instance key, or none, for any receiver. Exit code 1 for a token that is refused.',
  examples: [
    ['tokens why --machine api eyJ…', 'why does api refuse it?'],
    ['tokens why - < token.txt', 'from a file'],
  ],
  words: { token: TOKEN_WORD },
  flags: VERIFY_FLAGS,
  async run(input, shell) {
    const text = await tokenText(input.token, shell)
    const outcome =
      text.startsWith('eyJ') || text.includes('.')
        ? await tellJwt(text, input, shell)
        : await tellOpaque(text, input, shell)
    return {
      data: outcome,
      lines: linesOf(outcome, shell),
      exitCode: outcome.accepted ? EXIT.ok : EXIT.failed,
    }
  },
})

type Input = Parameters<typeof connectAsMachine>[0]

async function tellJwt(text: string, input: Input, shell: Shell): Promise<Outcome> {
  const caller = await callerOrNull(input, shell)
  const { where } = caller ?? (await connectWithAnyKey(input, shell))
  const { apiUrl, issuer = apiUrl } = where
  const { steps, refusal } = await whyJwt(text, {
    issuer,
    jwksUri: `${apiUrl}/.well-known/jwks.json`,
    // A status list is named by its public address, which need not be reachable from here.
    fetch: (url, init) =>
      fetch(url.startsWith(`${issuer}/`) ? apiUrl + url.slice(issuer.length) : url, init),
    audience: caller?.machineId ?? null,
    clockToleranceSeconds: CLOCK_TOLERANCE_SECONDS,
    now: () => shell.now(),
  })
  if (refusal === null) return accepted(steps)
  const { code, docs } = refusal
  return { accepted: false, code, advice: SDK_ERRORS[code].advice, docs, steps }
}

async function tellOpaque(text: string, input: Input, shell: Shell): Promise<Outcome> {
  const steps = opaqueSteps(text)
  if (steps.some(({ verdict }) => verdict === 'failed')) {
    const { advice } = SDK_ERRORS['token-malformed']
    const docs = 'docs/errors.md#token-malformed'
    return { accepted: false, code: 'token-malformed', advice, docs, steps }
  }
  const caller = await connectAsMachine(input, shell)
  const forAnyone = caller.isMachine && caller.hasInstanceKey ? caller.owner : null
  try {
    await caller.client.m2m.verify({ token: text })
    const what = caller.isMachine ? 'valid, and meant for this machine' : 'valid for its receivers'
    return accepted([...steps, { name: 'authority', verdict: 'passed', what }])
  } catch (error) {
    const { code, what, remedy, exitCode } = explain(error)
    if (exitCode !== EXIT.failed) throw error
    const failed: Step = { name: 'authority', verdict: 'failed', what }
    const isLive = forAnyone !== null && (await isAccepted(forAnyone, text))
    const more: Step[] = isLive
      ? [
          {
            name: 'receivers',
            verdict: 'failed',
            what: 'it is live, but not meant for this machine',
          },
        ]
      : []
    const advice = isLive ? SDK_ERRORS['token-audience-mismatch'].advice : remedy
    const docs = `docs/errors.md#${code}`
    return { accepted: false, code, advice, docs, steps: [...steps, failed, ...more] }
  }
}

/** A JWT tells its story also to those who have no key. */
async function callerOrNull(input: Input, shell: Shell): Promise<Caller | null> {
  try {
    return await connectAsMachine(input, shell)
  } catch (error) {
    const isKeyMissing = error instanceof CommandError && error.code === 'key-missing'
    if (isKeyMissing && input.machine === undefined) return null
    throw error
  }
}

async function isAccepted(client: Caller['owner'], token: string): Promise<boolean> {
  try {
    await client.m2m.verify({ token })
    return true
  } catch {
    return false
  }
}

function accepted(steps: readonly Step[]): Outcome {
  return { accepted: true, code: null, advice: null, docs: null, steps }
}

function linesOf(
  { accepted: isAccepted, code, advice, docs, steps }: Outcome,
  shell: Shell,
): string[] {
  const { green, red, yellow, dim, bold } = shell.style
  const marks = { passed: green('✓'), failed: red('✗'), unknown: yellow('?') } as const
  const rows = steps.map(({ name, verdict, what }) => [marks[verdict], dim(name), safe(what)])
  const verdict = isAccepted ? green('accepted') : red(`refused: ${code ?? ''}`)
  return [
    ...columns(rows),
    '',
    bold(verdict),
    ...(advice === null ? [] : [advice]),
    ...(docs === null ? [] : [dim(docs)]),
  ]
}
