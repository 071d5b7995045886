import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import picocolors from 'picocolors'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENTRIES } from './commands.ts'
import { runProgram } from './shell/program.ts'

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-emulate-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** Runs the command; `meanwhile` is what is done once it has printed something, before it is stopped. */
async function emulate(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  meanwhile: (out: string) => Promise<void> = () => Promise.resolve(),
): Promise<Outcome> {
  const [out, err]: [string[], string[]] = [[], []]
  const style = picocolors.createColors(false)
  let stop: () => void
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const code = await runProgram(ENTRIES, ['emulate', '--port', '0', ...words], {
    env,
    style,
    noteStyle: style,
    print: (text) => {
      out.push(text)
      void meanwhile(text).finally(stop)
    },
    note: (text) => void err.push(text),
    readInput: () => Promise.resolve(''),
    confirm: () => Promise.resolve(),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    untilStopped: () => stopped,
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

function seedFile(content: unknown): string {
  const file = join(folder, 'seed.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

describe('countersign emulate', () => {
  it('answers as the authority of its seed, and ends when it is stopped', async () => {
    const seed = seedFile({ machines: [{ name: 'api', secretKey: 'ak_api' }] })
    let made = 0
    const { code, out, err } = await emulate(['--seed', seed, '--json'], {}, async (ready) => {
      const { url } = JSON.parse(ready) as { url: string }
      const headers = { authorization: 'Bearer ak_api', 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: '{"token_format":"jwt"}' }
      made = (await fetch(`${url}/v1/m2m_tokens`, init)).status
    })
    expect({ code, err, made }).toEqual({ code: 0, err: '', made: 201 })
    expect(JSON.parse(out)).toMatchObject({
      event: 'ready',
      emulator: true,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      secretKey: expect.stringMatching(/^sk_test_/),
      machines: [{ name: 'api', id: expect.stringMatching(/^mch_/), secretKey: 'ak_api' }],
    })
  })

  it('says in words that it is an emulator', async () => {
    const { out } = await emulate([])
    expect(out).toContain('EMULATOR')
    expect(out).toContain('No authority takes these secrets.')
  })

  it('hangs up when it is told to be down', async () => {
    let failure: unknown
    await emulate(['--json'], {}, async (ready) => {
      const { url } = JSON.parse(ready) as { url: string }
      const headers = { 'countersign-emulate': 'down' }
      failure = await fetch(url, { headers }).catch((error: unknown) => error)
    })
    expect(failure).toBeInstanceOf(TypeError)
  })

  it('signs under the issuer that it is told', async () => {
    const { out } = await emulate(['--json', '--issuer', 'http://authority:4100'])
    expect(JSON.parse(out)).toMatchObject({ issuer: 'http://authority:4100' })
    const { code, err } = await emulate(['--issuer', 'authority:4100'])
    expect(code).toBe(2)
    expect(err).toContain('--issuer must be')
  })

  it('listens to this machine alone, and says so when it is told otherwise', async () => {
    const { err } = await emulate(['--host', '0.0.0.0', '--json'])
    expect(err).toContain('Others can reach this emulator.')
  })

  it.each([
    ['where NODE_ENV is production', { NODE_ENV: 'production' }],
    ['beside a root key', { COUNTERSIGN_ROOT_KEY: '07'.repeat(32) }],
  ])('does not start %s', async (_, env) => {
    const { code, out, err } = await emulate([], env)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('emulator-refused')
    expect(err).not.toContain('0707')
  })

  it('does not start beside the file of a root key', async () => {
    const file = join(folder, 'root.key')
    writeFileSync(file, '07'.repeat(32), { mode: 0o600 })
    const { code, err } = await emulate([], { COUNTERSIGN_ROOT_KEY_FILE: file })
    expect(code).toBe(1)
    expect(err).toContain('emulator-refused')
  })

  it.each([
    ['{"machines":', 'The seed is not JSON.'],
    ['{"machines":[{"name":"a","scopedMachines":["b"]}]}', 'machines.0.scopedMachines names no'],
  ])('says what is wrong with the seed %s', async (text, why) => {
    const { code, out, err } = await emulate(['--seed', seedFile(text)])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(why)
    expect(err).toContain('seed-invalid')
  })

  it('says that the seed cannot be read', async () => {
    const { code, err } = await emulate(['--seed', join(folder, 'none.json')])
    expect(code).toBe(2)
    expect(err).toContain('cannot be read')
  })
})
