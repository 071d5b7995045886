import type { IncomingMessage } from 'node:http'
import type { Authority } from '../app.ts'
import type { Origin } from '../domain/actors.ts'
import { systemClock } from '../system.ts'
import { createControl, isControl } from './control.ts'
import { DIRECTIVE_FORMS, EMULATE_HEADER, parseDirectives } from './directives.ts'
import { createEmulator, type EmulatorOptions } from './emulator.ts'
import { createFailures } from './failures.ts'
import { createFixedSecrets } from './fixed-secrets.ts'
import { createMovableClock } from './movable-clock.ts'
import { plant, type PlantedMachine } from './plant.ts'
import type { Seed } from './seed.ts'

export interface EmulatedAuthorityOptions extends Omit<EmulatorOptions, 'clock'> {
  readonly seed: Seed
}

/** An emulator as it stands behind a port: seeded, told to fail by a header, reset by a call. */
export interface EmulatedAuthority extends Authority {
  readonly issuer: string
  /** As callers may give it. */
  readonly secretKey: string
  readonly machines: readonly PlantedMachine[]
  /** Whether a connection is to be closed without an answer. */
  hangsUpOn(request: Pick<IncomingMessage, 'url' | 'headers'>): boolean
}

/** Nobody is to mistake it for an authority. */
const MARK = 'countersign-emulator'

/** @throws {SeedError} */
export async function createEmulatedAuthority({
  seed,
  ...options
}: EmulatedAuthorityOptions): Promise<EmulatedAuthority> {
  const clock = createMovableClock(systemClock)
  const emulator = await createEmulator({ ...options, clock })
  const failures = createFailures()
  const secrets = createFixedSecrets()
  const machines = await plant(seed, { emulator, clock, secrets })
  emulator.keep()
  const secretKey = secrets.shown(emulator.secretKey)
  const { issuer, instanceId } = emulator
  const control = createControl({
    clock,
    failures,
    issuer,
    about: { instanceId, secretKey, machines },
    async reset() {
      failures.lift()
      clock.reset()
      await emulator.reset()
    },
  })

  const answer = async (request: Request, origin?: Origin): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (isControl(pathname)) return control(request)
    const own = parseDirectives(request.headers.get(EMULATE_HEADER))
    if (own === null) return notUnderstood()
    return failures.answer(
      request,
      async (meant) =>
        secrets.toCaller(await emulator.fetch(await secrets.toEngine(meant), origin)),
      own,
    )
  }

  return Object.freeze({
    issuer,
    instanceId,
    secretKey,
    machines,
    async fetch(request: Request, origin?: Origin) {
      const response = await answer(request, origin)
      const headers = new Headers(response.headers)
      headers.set(MARK, 'true')
      return new Response(response.body, { status: response.status, headers })
    },
    hangsUpOn({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>) {
      const path = url.replace(/[?#].*$/, '')
      if (isControl(path)) return false
      const own = parseDirectives(String(headers[EMULATE_HEADER] ?? ''))
      if (own !== null && own.length > 0) return own.some(({ kind }) => kind === 'down')
      return failures.refuses(path)
    },
    tick: () => emulator.tick(),
    endStreams: () => {
      failures.lift()
      emulator.endStreams()
    },
    close: () => emulator.close(),
  })
}

/** A mistyped directive must not pass for a test that went well. */
function notUnderstood(): Response {
  const message = `The header Countersign-Emulate has, separated by semicolons: ${DIRECTIVE_FORMS}.`
  const error = { message, long_message: message, code: 'emulate_invalid', meta: {} }
  return Response.json({ errors: [error], meta: {} }, { status: 400 })
}
