import { type Client, createClient } from 'countersign'
import { explain } from './shell/failure.ts'
import type { Shell } from './shell/shell.ts'
import { pad } from './shell/text.ts'

export interface DemonstrationOptions {
  readonly url: string
  readonly secretKey: string
  readonly shell: Pick<Shell, 'style' | 'elapsed'>
  readonly write: (line: string) => void
}

/** What the machines of the demonstration are called; those of an earlier one are removed. */
const NAMES = { api: 'demo-api', worker: 'demo-worker', stranger: 'demo-stranger' } as const

/** What the steps leave for one another. */
interface Stage {
  readonly admin: Client
  readonly apiId: string
  readonly workerId: string
  readonly api: Client
  readonly worker: Client
  readonly stranger: Client
  readonly opaqueId: string
  readonly opaque: string
  readonly jwt: string
}

type Connect = (machineSecretKey: string | undefined) => Client

interface Step {
  readonly says: string
  /** The code that does it, as a user would write it. */
  readonly code: readonly string[]
  /** Does it, and throws unless it comes out as it should. */
  readonly run: (stage: Stage, connect: Connect) => Promise<Partial<Stage>>
}

const STEPS: readonly Step[] = [
  {
    says: 'Three machines get a name and a key of their own',
    code: [
      'const { machines } = createClient({ apiUrl, secretKey })',
      `const api = await machines.create({ name: '${NAMES.api}' })`,
      `const worker = await machines.create({ name: '${NAMES.worker}' })`,
      `const stranger = await machines.create({ name: '${NAMES.stranger}' })`,
    ],
    async run({ admin: { machines } }, connect) {
      const api = await machines.create({ name: NAMES.api })
      const worker = await machines.create({ name: NAMES.worker })
      const stranger = await machines.create({ name: NAMES.stranger })
      return {
        apiId: api.id,
        workerId: worker.id,
        api: connect(api.secretKey),
        worker: connect(worker.secretKey),
        stranger: connect(stranger.secretKey),
      }
    },
  },
  {
    says: 'worker may call api; stranger may not',
    code: ['await machines.createScope(worker.id, api.id)'],
    async run({ admin: { machines }, workerId, apiId }) {
      await machines.createScope(workerId, apiId)
      return {}
    },
  },
  {
    says: 'worker gets an opaque token',
    code: [
      'const { m2m } = createClient({ apiUrl, machineSecretKey }) // in worker',
      'const { token } = await m2m.createToken()',
    ],
    async run({ worker: { m2m } }) {
      const { id, token = '' } = await m2m.createToken()
      return { opaqueId: id, opaque: token }
    },
  },
  {
    says: 'api verifies it, and learns who calls',
    code: [
      'const { m2m } = createClient({ apiUrl, machineSecretKey }) // in api',
      'const { subject } = await m2m.verify({ token })',
    ],
    async run({ api: { m2m }, workerId, opaque }) {
      const { subject } = await m2m.verify({ token: opaque })
      expectSame(subject, workerId)
      return {}
    },
  },
  {
    says: 'worker gets a JWT',
    code: [`const { token } = await m2m.createToken({ tokenFormat: 'jwt' })`],
    async run({ worker: { m2m } }) {
      const { token = '' } = await m2m.createToken({ tokenFormat: 'jwt' })
      return { jwt: token }
    },
  },
  {
    says: 'api verifies it by itself, with the public keys',
    code: ['const { subject } = await m2m.verify({ token })'],
    run: verifyJwt,
  },
  {
    says: 'and again: it has the keys now, and asks nobody',
    code: ['const { subject } = await m2m.verify({ token })'],
    run: verifyJwt,
  },
  {
    says: `stranger's opaque token is refused by api`,
    code: [
      'const { token } = await m2m.createToken()',
      'await m2m.verify({ token }) // in api: throws token-invalid',
    ],
    async run({ stranger, api }) {
      const { token = '' } = await stranger.m2m.createToken()
      return expectRefusal('token-invalid', api.m2m.verify({ token }))
    },
  },
  {
    says: `stranger's JWT is refused by api: it names no receiver`,
    code: [
      `const { token } = await m2m.createToken({ tokenFormat: 'jwt' })`,
      'await m2m.verify({ token }) // in api: throws token-audience-mismatch',
    ],
    async run({ stranger, api }) {
      const { token = '' } = await stranger.m2m.createToken({ tokenFormat: 'jwt' })
      return expectRefusal('token-audience-mismatch', api.m2m.verify({ token }))
    },
  },
  {
    says: `worker's opaque token is revoked`,
    code: [`await m2m.revokeToken({ m2mTokenId, revocationReason: 'laptop lost' })`],
    async run({ worker: { m2m }, opaqueId }) {
      await m2m.revokeToken({ m2mTokenId: opaqueId, revocationReason: 'laptop lost' })
      return {}
    },
  },
  {
    says: 'and refused by the very next verification',
    code: ['await m2m.verify({ token }) // throws token-invalid'],
    run: ({ api: { m2m }, opaque }) =>
      expectRefusal('token-invalid', m2m.verify({ token: opaque })),
  },
]

/**
 * Shows an authority at work, step by step. Stops at the first step that does not come out as it should.
 *
 * @returns whether all did.
 */
export async function demonstration(options: DemonstrationOptions): Promise<boolean> {
  const { url, secretKey, shell, write } = options
  const { bold, dim, green, red } = shell.style
  const admin = createClient({ apiUrl: url, secretKey })
  const connect: Connect = (machineSecretKey = '') =>
    createClient({ apiUrl: url, machineSecretKey })
  let stage: Stage = {
    ...{ admin, api: admin, worker: admin, stranger: admin },
    ...{ apiId: '', workerId: '', opaqueId: '', opaque: '', jwt: '' },
  }
  await removeEarlier(admin)
  const started = shell.elapsed()
  for (const line of ['', `  ${bold('Countersign')}  ${OPENING}`, '']) write(line)
  for (const { says, code, run } of STEPS) {
    const before = shell.elapsed()
    try {
      stage = { ...stage, ...(await run(stage, connect)) }
    } catch (error) {
      write(`  ${red('✗')} ${says}`)
      write(`      ${explain(error).what}`)
      return false
    }
    const time = showMs(shell.elapsed() - before)
    write(`  ${green('✓')} ${pad(says, TIME_COLUMN - time.length)}${dim(time)}`)
    for (const line of code) write(dim(`    ${line}`))
    write('')
  }
  const total = showMs(shell.elapsed() - started)
  write(
    `  ${green('✓')} ${bold(`All ${STEPS.length} steps came out as they should, in ${total}.`)}`,
  )
  write('')
  return true
}

const OPENING = 'Machines prove who they are to each other.'

/** The times end in the last of 80 columns but two. */
const TIME_COLUMN = 74

async function verifyJwt({ api: { m2m }, workerId, jwt }: Stage): Promise<Partial<Stage>> {
  const { subject } = await m2m.verify({ token: jwt })
  expectSame(subject, workerId)
  return {}
}

async function removeEarlier({ machines }: Client): Promise<void> {
  const { data } = await machines.list({ query: 'demo-', limit: 500 })
  const names: readonly string[] = Object.values(NAMES)
  for (const { id, name } of data) if (names.includes(name)) await machines.delete(id)
}

function expectSame(got: string, expected: string): void {
  if (got !== expected) throw new Error(`Expected ${expected}, got ${got}.`)
}

/** A refusal must have its reason: an authority that is down would refuse everything. */
async function expectRefusal(code: string, attempt: Promise<unknown>): Promise<Partial<Stage>> {
  const thrown = await attempt.then(
    () => new Error('The token was accepted.'),
    (error: unknown) => error,
  )
  if (explain(thrown).code !== code) throw thrown
  return {}
}

function showMs(ms: number): string {
  return `${ms < 999 ? ms.toPrecision(3) : ms.toFixed(0)} ms`
}
