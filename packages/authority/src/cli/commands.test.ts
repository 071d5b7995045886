import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import picocolors from 'picocolors'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, initializeInstance } from '../app.ts'
import { createRootKey } from '../domain/root-key.ts'
import { type RunningServer, startServer } from '../node.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { silentLog } from '../system.ts'
import { ENTRIES } from './commands.ts'
import { readArguments } from './shell/arguments.ts'
import type { Command } from './shell/command.ts'
import { CommandError } from './shell/failure.ts'
import { runProgram } from './shell/program.ts'
import type { Shell } from './shell/shell.ts'
import { renderCliReference } from './shell/usage.ts'

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Setting {
  readonly input?: string
  readonly env?: Record<string, string>
  readonly confirms?: boolean
}

let server: RunningServer
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-commands-'))
  const ports = { store: createMemoryStore(), log: silentLog }
  const rootKeys = [createRootKey(new Uint8Array(32).fill(7))]
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  const open = (url: string): ReturnType<typeof createAuthority> =>
    createAuthority({ issuer: url, rootKeys }, ports)
  server = await startServer({ host: '127.0.0.1', port: 0, log: silentLog, open })
  env = {
    COUNTERSIGN_URL: server.url,
    COUNTERSIGN_SECRET_KEY: founded?.secretKey ?? '',
    COUNTERSIGN_DATA: join(folder, 'none'),
  }
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

describe('machines and scopes', () => {
  it('are created, listed, shown, changed and deleted', async () => {
    const billing = await json('machines create billing --ttl 15m --algorithm ES256')
    expect(billing).toMatchObject({
      name: 'billing',
      defaultTokenTtl: 900,
      jwtAlgorithm: 'ES256',
      secretKey: expect.stringMatching(/^ak_/),
    })
    const mailer = await json('machines create mailer --scope billing')
    expect(mailer.scopedMachines).toMatchObject([{ id: billing.id }])
    expect((await json('machines list --query mail')).data).toMatchObject([{ id: mailer.id }])
    expect(await json('machines get mailer')).toMatchObject({ id: mailer.id })
    const renamed = await json('machines update mailer --name post --ttl 1h')
    expect(renamed).toMatchObject({ id: mailer.id, name: 'post', defaultTokenTtl: 3600 })
    expect(await json('machines delete post --yes')).toMatchObject({ id: mailer.id, deleted: true })
    expect((await run('machines get post')).code).toBe(3)
  })

  it('are connected and disconnected by name or by id', async () => {
    const a = await json('machines create scope-a')
    const b = await json('machines create scope-b')
    const edge = { fromMachineId: a.id, toMachineId: b.id }
    expect(await json(`scopes add scope-a ${b.id}`)).toMatchObject(edge)
    expect((await run('scopes add scope-a scope-b')).err).toContain('scope_exists')
    expect(await json('scopes list scope-a')).toMatchObject([{ id: b.id }])
    expect(await json('scopes remove scope-a scope-b')).toMatchObject(edge)
    expect(await json('scopes list scope-a')).toEqual([])
  })

  it('have a secret key that can be read back and rotated', async () => {
    const machine = await json('machines create rotating')
    expect((await run('machines secret rotating')).out).toBe(machine.secretKey)
    const { secret } = await json('machines rotate-secret rotating --grace 1h')
    expect(secret).not.toBe(machine.secretKey)
    expect((await run('machines secret rotating')).out).toBe(secret)
  })

  it('have their old key ended when nobody uses it, and are told who does', async () => {
    const machine = await json('machines create finishing')
    const { secret } = await json('machines rotate-secret finishing --grace 1h')
    const as = (key: string): Setting => ({
      env: { ...env, COUNTERSIGN_SECRET_KEY: '', COUNTERSIGN_MACHINE_SECRET_KEY: key },
    })
    for (const key of [machine.secretKey, secret]) await json('tokens create', as(key))
    const { out } = await run('machines secrets finishing')
    expect(out.split('\n')[0]).toMatch(/version +works until +made +last used +uses +last from/)
    expect(out).toMatch(/1 .* 1 +127\.0\.0\.1/)
    expect(await json('machines secrets finishing')).toMatchObject([{ version: 2 }, { version: 1 }])
    const refused = await run('machines rotate-secret finishing --finish')
    expect(refused.code).toBe(1)
    expect(refused.err.replaceAll(/\s+/g, ' ')).toContain('last from 127.0.0.1')
    const kept = await run('machines rotate-secret finishing --finish --force', { confirms: false })
    expect(kept.code).toBe(1)
    await json('tokens create', as(machine.secretKey))
    expect((await run('machines rotate-secret finishing --finish --force --yes')).out).toBe(
      'Version 1 has ended.',
    )
    expect((await run('tokens create', as(machine.secretKey))).code).toBe(1)
    expect((await run('machines rotate-secret finishing --finish')).out).toBe(
      'No older key was left.',
    )
  })

  it.each(['--finish --grace 1h', '--quiet 1m', '--force'])(
    'are not rotated by halves: %s',
    async (flags) => {
      await run('machines create halves')
      expect((await run(`machines rotate-secret halves ${flags}`)).code).toBe(2)
    },
  )

  it('must be named by id when two have the same name', async () => {
    const [one, two] = [await json('machines create twin'), await json('machines create twin')]
    const { code, err } = await run('machines get twin')
    expect(code).toBe(1)
    expect(err.replaceAll(/\s+/g, ' ')).toContain('2 machines are named "twin"')
    expect(err).toContain(one.id)
    expect(err).toContain(two.id)
  })

  it('cannot command the terminal by their names', async () => {
    await run(['machines', 'create', 'evil\u001b[2Jname\u009b'])
    const { out } = await run('machines list --query evil')
    expect(out).toContain('evil·[2Jname·')
  })

  it('stay when the question is answered with no', async () => {
    await run('machines create kept')
    const { code, err } = await run('machines delete kept', { confirms: false })
    expect(code).toBe(1)
    expect(err).toContain('Nothing was changed')
    expect((await run('machines get kept')).code).toBe(0)
  })
})

describe('tokens', () => {
  beforeAll(async () => {
    for (const name of ['api', 'stranger']) await run(`machines create ${name}`)
    await run('machines create worker --scope api')
  })

  it.each(['opaque', 'jwt'])('in form %s are accepted by their receiver alone', async (form) => {
    const { out: token, err } = await run(`tokens create --machine worker --format ${form}`)
    expect(err).toContain('It reaches one machine')
    expect((await run('tokens verify --machine api -', { input: token })).code).toBe(0)
    expect((await run(`tokens verify ${token}`)).code).toBe(0)
    const refused = await run(`tokens verify --machine stranger ${token}`)
    expect(refused.code).toBe(1)
    expect(refused.out).toBe('')
  })

  it('carry claims and can be narrowed', async () => {
    const line = ['tokens', 'create', '--machine', 'worker', '--claims', '{"job":7}', '--ttl', '5m']
    const token = await json([...line, '--scope', 'api'])
    expect(token.claims).toEqual({ job: 7 })
    expect(token.scopes).toHaveLength(1)
    expect((await run([...line, '--scope', 'stranger'])).err).toContain('scope_not_granted')
  })

  it('are listed, and revoked by id or by themselves', async () => {
    const one = await json('tokens create --machine worker')
    const two = await json('tokens create --machine worker')
    expect((await json('tokens list worker')).data).toContainEqual(
      expect.objectContaining({ id: one.id }),
    )
    expect(await json(`tokens revoke ${one.id} --reason lost`)).toMatchObject({ revoked: true })
    expect((await run('tokens revoke -', { input: two.token })).code).toBe(0)
    expect((await run(`tokens verify ${one.token}`)).code).toBe(1)
    const { out } = await run('tokens list worker --revoked --limit 100')
    expect(out).toMatch(new RegExp(`${one.id} +revoked: lost`))
  })

  it('are revoked with the instance key, whatever machine the environment has the key of', async () => {
    const { out: key } = await run('machines secret stranger')
    const other = { ...env, COUNTERSIGN_MACHINE_SECRET_KEY: key }
    const one = await json('tokens create --machine worker')
    expect(await json(`tokens revoke ${one.id}`, { env: other })).toMatchObject({ revoked: true })
    const dry = await run('tokens revoke --receiver api --dry-run', { env: other })
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('would be revoked')])
  })

  it('are revoked with the key of a machine where that is chosen, or is all there is', async () => {
    const two = await json('tokens create --machine worker')
    const file = join(folder, 'stranger.key')
    const { out: key } = await run('machines secret stranger')
    writeFileSync(file, key)
    const chosen = await run(`tokens revoke ${two.id} --machine-secret-key-file ${file}`)
    expect([chosen.code, chosen.err]).toEqual([3, expect.stringContaining('token_not_found')])
    const { out: own } = await run('machines secret worker')
    const alone = { ...env, COUNTERSIGN_SECRET_KEY: '', COUNTERSIGN_MACHINE_SECRET_KEY: own }
    expect((await run(`tokens revoke ${two.id}`, { env: alone })).code).toBe(0)
  })

  it('are made by a machine with its own key, from the environment or a file', async () => {
    const { out: key } = await run('machines secret worker')
    const own = { ...env, COUNTERSIGN_SECRET_KEY: '', COUNTERSIGN_MACHINE_SECRET_KEY: key }
    expect((await run('tokens create', { env: own })).out).toMatch(/^mt_/)
    const file = join(folder, 'worker.key')
    writeFileSync(file, `${key}\n`)
    const bare = { ...own, COUNTERSIGN_MACHINE_SECRET_KEY: '' }
    const line = `tokens create --machine-secret-key-file ${file}`
    expect((await run(line, { env: bare })).out).toMatch(/^mt_/)
    expect((await run('tokens create', { env: bare })).code).toBe(2)
  })

  it('are inspected without showing what is secret, and the authority is asked', async () => {
    const token = await json('tokens create --machine worker')
    const { out } = await run(`tokens inspect ${token.token}`)
    expect(out).toContain(token.id)
    expect(out).toContain('✓ the authority says: valid')
    expect(out).not.toContain(token.token)
    await run(`tokens revoke ${token.id}`)
    expect((await run(`tokens inspect ${token.token}`)).out).toContain('✗ the authority says')
    expect((await run('tokens inspect rubbish')).code).toBe(1)
  })

  it('are inspected offline where there is no key', async () => {
    const { out: token } = await run('tokens create --machine worker --format jwt')
    const { out, code } = await run(`tokens inspect ${token}`, {
      env: { ...env, COUNTERSIGN_SECRET_KEY: '' },
    })
    expect(code).toBe(0)
    expect(out).toContain('"alg": "RS256"')
    expect(out).toContain('The authority was not asked')
  })
})

describe('tokens revoke', () => {
  it('counts and ends all tokens that fit, after asking', async () => {
    await run('machines create many-api')
    await run('machines create many --scope many-api')
    for (const format of ['jwt', 'opaque', 'jwt']) {
      await run(`tokens create --machine many --format ${format}`)
    }
    const dry = await run('tokens revoke --machine many --dry-run')
    expect([dry.code, dry.out]).toEqual([0, '3 tokens would be revoked.'])
    expect((await run('tokens revoke --machine many --issued-before 1h --dry-run')).out).toBe(
      '0 tokens would be revoked.',
    )
    expect((await run('tokens revoke --receiver many-api --dry-run')).out).toContain('3 tokens')
    const done = await run('tokens revoke --machine many --yes --reason incident')
    expect([done.code, done.out]).toEqual([0, '3 tokens revoked.'])
    const { out } = await run('tokens list many --revoked')
    expect(out.match(/revoked: incident/g)).toHaveLength(3)
  })

  it('takes one token, or says which, and nothing between', async () => {
    for (const line of [
      'tokens revoke',
      'tokens revoke mt_1 --machine many',
      'tokens revoke mt_1 --dry-run',
      'tokens revoke --secret-version 1',
      'tokens revoke --issued-before yesterday',
    ]) {
      expect((await run(line)).code, line).toBe(2)
    }
  })

  it('reaches the live tokens of a scope that is removed when it is told to', async () => {
    await run('machines create reach-api')
    await run('machines create reach --scope reach-api')
    await run('tokens create --machine reach --format jwt')
    await run('scopes remove reach reach-api --apply-to-live-tokens')
    expect((await run('tokens list reach --revoked')).out).toContain('revoked')
  })

  it('knows nothing of the JWTs of a stateless machine', async () => {
    await run('machines create free --stateless true')
    await run('tokens create --machine free --format jwt')
    expect((await run('tokens revoke --machine free --dry-run')).out).toContain('0 tokens')
  })
})

describe('tokens why', () => {
  beforeAll(async () => {
    await run('machines create why-api')
    await run('machines create why-worker --scope why-api')
    await run('machines create why-stranger')
  })

  it('tells of every step of a JWT, and that it is accepted', async () => {
    const { out: token } = await run('tokens create --machine why-worker --format jwt')
    const { out, code } = await run(`tokens why --machine why-api ${token}`)
    expect(code).toBe(0)
    for (const name of ['form', 'class', 'signature', 'issuer', 'receivers', 'times', 'status']) {
      expect(out).toMatch(new RegExp(`✓ +${name} `))
    }
    expect(out).toContain('accepted')
    expect((await run(`tokens why ${token}`)).out).toContain('any receiver will do')
  })

  it('tells that a JWT was revoked, and by which list', async () => {
    const { out: token } = await run('tokens create --machine why-worker --format jwt')
    expect((await run('tokens revoke -', { input: token })).code).toBe(0)
    const { out, code } = await run(`tokens why --machine why-api ${token}`)
    expect(code).toBe(1)
    expect(out).toMatch(/✗ +status +revoked; .*status-lists/)
    expect(out).toContain('refused: token-revoked')
  })

  it('tells the first thing that is wrong and all that is right besides', async () => {
    const { out: token } = await run('tokens create --machine why-worker --format jwt')
    const { out, code } = await run(`tokens why --machine why-stranger ${token}`)
    expect(code).toBe(1)
    expect(out).toMatch(/✗ +receivers .*expected aud to name mch_/)
    expect(out).toMatch(/✓ +times /)
    expect(out).toContain('refused: token-audience-mismatch')
    expect(out).toContain('docs/errors.md#token-audience-mismatch')

    const altered = token.replace(/\.(.)/, (_, first: string) => `.${first === 'e' ? 'f' : 'e'}`)
    const { out: story } = await run(`tokens why ${altered} --json`)
    expect(JSON.parse(story)).toMatchObject({
      accepted: false,
      code: expect.stringContaining('token-') as string,
    })
    const forged = `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(342)}`
    expect((await run(`tokens why ${forged}`)).out).toMatch(/✗ +signature .*does not fit/)
  })

  it('tells of an opaque token whether it is live at all', async () => {
    const { out: token } = await run('tokens create --machine why-worker')
    expect((await run(`tokens why --machine why-api ${token}`)).out).toContain('accepted')
    const foreign = await run(`tokens why --machine why-stranger ${token}`)
    expect(foreign.code).toBe(1)
    expect(foreign.out).toContain('live, but not meant for this machine')
    await run(`tokens revoke ${token}`)
    const revoked = await run(`tokens why ${token}`)
    expect(revoked.out).toMatch(/✗ +authority/)
    expect(revoked.out).not.toContain(token)
    expect((await run('tokens why mt_rubbish')).out).toMatch(/✗ +checksum/)
  })

  it('needs no key for a JWT', async () => {
    const { out: token } = await run('tokens create --machine why-worker --format jwt')
    const { out, code } = await run(`tokens why ${token}`, {
      env: { ...env, COUNTERSIGN_SECRET_KEY: '' },
    })
    expect(out).toContain('accepted')
    expect(code).toBe(0)
  })
})

describe('api-keys', () => {
  it('are created, verified, changed, revoked and deleted', async () => {
    const { id: holder } = await json('machines create holder')
    const key = await json(`api-keys create deploys ${holder} --scope deploy --ttl 90d`)
    expect(key).toMatchObject({ subject: holder, scopes: ['deploy'] })
    expect((await run('api-keys verify -', { input: key.secret })).code).toBe(0)
    expect((await run(`api-keys secret ${key.id}`)).out).toBe(key.secret)
    const changed = await json(`api-keys update ${key.id} --scope read --description changed`)
    expect(changed).toMatchObject({ scopes: ['read'], description: 'changed' })
    expect(await json(`api-keys get ${key.id}`)).toMatchObject({ scopes: ['read'] })
    expect((await json(`api-keys list ${holder}`)).data).toHaveLength(1)
    expect(await json(`api-keys revoke ${key.id} --yes`)).toMatchObject({ revoked: true })
    expect((await run('api-keys verify -', { input: key.secret })).code).toBe(1)
    expect((await json(`api-keys list ${holder}`)).data).toHaveLength(0)
    expect((await json(`api-keys list ${holder} --all`)).data).toHaveLength(1)
    expect(await json(`api-keys delete ${key.id} --yes`)).toMatchObject({ deleted: true })
    expect((await run(`api-keys get ${key.id}`)).code).toBe(3)
  })

  it('are never taken from the command line', async () => {
    const { code, err } = await run('api-keys verify ak_01UDC8Vd7u2VQRW2T1NdeyZoq511xKUcX61ZzVz')
    expect(code).toBe(2)
    expect(err).not.toContain('01UDC8Vd')
  })
})

describe('signing keys', () => {
  const current = async () => {
    const { signingKeys } = await json('keys list')
    const of = signingKeys.filter((key: { algorithm: string }) => key.algorithm === 'ES256')
    const kidOf = (state: string): string =>
      of.find((key: { state: string }) => key.state === state)?.kid
    return { active: kidOf('active'), next: kidOf('next') }
  }

  it('are listed with their states by the instance key, beside the key set', async () => {
    const { keys, signingKeys } = await json('keys list')
    expect(signingKeys).toHaveLength(keys.length)
    const { out } = await run('keys list')
    expect(out.split('\n')[0]).toMatch(/^kid +alg +state +since +until$/)
    for (const word of ['RS256', 'active', 'next', 'ago']) expect(out).toContain(word)
  })

  it('are rotated, and the command says when; asked for twice it happens once', async () => {
    const { next } = await current()
    const { out } = await run('keys rotate --algorithm ES256')
    expect(out).toMatch(new RegExp(`^ES256: ${next} signs in (11m|10m \\d+s)\\.$`))
    const again = await json('keys rotate --algorithm ES256')
    expect(again.data).toMatchObject([{ kid: next, state: 'next' }])
    expect((await json('keys rotate')).data).toHaveLength(3)
  })

  it('are revoked: gone from the key set, and the next one signs', async () => {
    const { active, next } = await current()
    const line = ['keys', 'revoke', active, '--reason', 'found in a log', '--yes']
    const { out, err } = await run(line)
    expect(err).toContain('fetches the key set again')
    expect(out).toContain(`signs now`)
    expect(out).toContain(next)
    expect(out).toContain('in 5m at the latest')
    const { keys, signingKeys } = await json('keys list')
    expect(keys.map((key: { kid: string }) => key.kid)).not.toContain(active)
    const row = { kid: active, state: 'revoked', revocationReason: 'found in a log' }
    expect(signingKeys).toContainEqual(expect.objectContaining(row))
    expect((await current()).active).toBe(next)
  })

  it('are not revoked when the question is answered with no, nor when there is no such key', async () => {
    const { active } = await current()
    expect((await run(`keys revoke ${active}`, { confirms: false })).code).toBe(1)
    expect((await current()).active).toBe(active)
    expect((await run(`keys revoke key_${'0'.repeat(27)} --yes`)).code).toBe(3)
    expect((await run('keys rotate --algorithm HS256')).code).toBe(2)
  })

  it('are rolled by nobody without the instance key', async () => {
    const noKey = { env: { ...env, COUNTERSIGN_SECRET_KEY: '' } }
    for (const line of ['keys rotate', `keys revoke key_${'0'.repeat(27)}`]) {
      const { code, err } = await run(line, noKey)
      expect([code, err]).toEqual([2, expect.stringContaining('no instance key')])
    }
  })
})

describe('the program', () => {
  it('lists the public keys without a key', async () => {
    const noKey = { env: { ...env, COUNTERSIGN_SECRET_KEY: '' } }
    const { out } = await run('keys list', noKey)
    for (const word of ['RS256', 'ES256', 'EdDSA', 'kty']) expect(out).toContain(word)
    expect(out).not.toContain('active')
    expect(Object.keys(await json('keys list', noKey))).toEqual(['keys'])
  })

  it('lists them also with a wrong key, and says what a good one would add', async () => {
    const wrong = { env: { ...env, COUNTERSIGN_SECRET_KEY: `sk_test_${'x'.repeat(40)}` } }
    const { code, out, err } = await run('keys list', wrong)
    expect([code, out]).toEqual([0, expect.stringContaining('ES256')])
    expect(err).toContain('a good instance key')
  })

  it.each([
    ['machnes list', 'Did you mean "countersign machines"?'],
    ['machines lst', 'Did you mean "countersign machines list"?'],
    ['machines list --lmit 3', 'Did you mean --limit?'],
    ['machines list extra', 'one word too many'],
    ['machines get', 'MACHINE is missing'],
    ['constructor', 'is no command'],
    ['machines toString', 'is no command'],
    ['machines list --url nonsense', 'is not a URL'],
    ['machines list --secret-key-file /nowhere', 'cannot be read'],
  ])('ends with 2 on "%s"', async (line, message) => {
    const { code, out, err } = await run(line)
    expect([code, out]).toEqual([2, ''])
    expect(err.replaceAll(/\s+/g, ' ')).toContain(message)
  })

  it('ends with 4 when nobody answers, and when somebody else does', async () => {
    expect((await run('machines list --url http://127.0.0.1:1')).code).toBe(4)
    expect((await run('keys list --url http://127.0.0.1:1')).code).toBe(4)
    expect((await run(`keys list --url ${server.url}/elsewhere`)).code).toBe(4)
  })

  it('ends with 1 when the key is refused, and does not repeat the key', async () => {
    const wrong = `sk_test_${'x'.repeat(40)}`
    const refused = await run('machines list', { env: { ...env, COUNTERSIGN_SECRET_KEY: wrong } })
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('docs/errors.md#unauthorized')
    expect(refused.out + refused.err).not.toContain(wrong)
  })

  it('says what is wrong in one line of JSON with --json', async () => {
    const { out, err } = await run('machines get nobody --json')
    expect(out).toBe('')
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'not-found' } })
  })

  it.each(['', '--help', '-h', 'help'])('shows what there is on "%s"', async (line) => {
    const { code, out } = await run(line)
    expect(code).toBe(0)
    for (const name of Object.keys(ENTRIES)) expect(out).toContain(name)
  })

  it('shows the help of a noun and of a command', async () => {
    expect((await run('help machines')).out).toContain('machines rotate-secret')
    expect((await run('machines create --help')).out).toContain('--ttl DURATION')
    expect((await run('machines')).code).toBe(2)
  })
})

describe('the audit log', () => {
  it('is listed, newest last, narrowed by what was done, to what and by whom', async () => {
    const machine = await json('machines create audited')
    await run('machines update audited --name audited-2')
    const listed = await json('audit list --limit 2')
    expect(listed).toMatchObject([
      { action: 'machine.created', target: machine.id },
      { action: 'machine.updated', target: machine.id },
    ])
    const only = await json(`audit list --target ${machine.id} --action machine.updated --since 1h`)
    expect(only).toHaveLength(1)
    expect(await json(`audit list --by ${machine.id}`)).toEqual([])
    const { out } = await run(`audit list --target ${machine.id}`)
    expect(out.split('\n')).toHaveLength(3)
    expect(out).toContain('machine.updated')
  })

  it('is followed until the command is stopped', async () => {
    const { code, out } = await run('audit list --follow --limit 1 --json')
    expect(code).toBe(0)
    expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({ action: expect.any(String) })
  })

  it('is exported into a new file or to standard output, and the export verifies', async () => {
    await server.authority.tick()
    const file = join(folder, 'audit.ndjson')
    const { entries, checkpoint } = await json(`audit export --out ${file}`)
    expect(entries).toBeGreaterThan(1)
    expect((await run(`audit export --out ${file}`)).code).toBe(2)
    const verified = await json(`audit verify ${file} --checkpoint ${checkpoint}`)
    expect(verified).toMatchObject({ ok: true, entries, newestCheckpoint: checkpoint })
    const { out, err } = await run(`audit verify ${file}`)
    expect(out).toContain(`${entries} entries`)
    expect(err).toContain('pin it with --key')
    const printed = join(folder, 'printed.ndjson')
    writeFileSync(printed, `${(await run('audit export')).out}\n`)
    expect((await run(`audit verify ${printed} --checkpoint ${file}`)).code).toBe(0)
  })

  it('that was altered in an export fails with the number of the entry', async () => {
    const file = join(folder, 'altered.ndjson')
    const { out } = await run('audit export')
    const lines = out.split('\n').filter((line) => !line.startsWith('{"type":"entry","seq":2,'))
    writeFileSync(file, `${lines.join('\n')}\n`)
    const { code, out: said } = await run(`audit verify ${file}`)
    expect(code).toBe(1)
    expect(said).toContain('entry 2 is missing')
  })

  it.each([
    ['a file that is not there', 'audit verify /nowhere/audit.ndjson'],
    ['a file that is no export', `audit verify ${import.meta.filename}`],
    ['a key without a file', `audit verify --key ${'A'.repeat(43)}`],
    ['a folder that is not there', 'audit export --out /nowhere/audit.ndjson'],
  ])('is not verified nor exported with %s', async (_, line) => {
    expect((await run(line)).code).toBe(2)
  })
})

describe('webhooks', () => {
  it('are made with a secret that is printed once, listed, replayed and deleted', async () => {
    const { out, err } = await run(
      'webhooks create https://example.com/hook --action machine.deleted',
    )
    expect(out).toMatch(/^whsec_/)
    expect(err).toContain('not printed again')
    const [webhook] = await json('webhooks list')
    expect(webhook).toMatchObject({ actions: ['machine.deleted'], failures: 0 })
    const listed = await run('webhooks list')
    expect(listed.out).toContain('https://example.com/hook')
    expect(listed.out).not.toContain(out)
    const replayed = await json(`webhooks replay ${webhook.id} --from 1`)
    expect(replayed.deliveredThrough).toBe(0)
    expect((await run(`webhooks replay ${webhook.id}`)).code).toBe(2)
    expect((await run(`webhooks delete ${webhook.id}`, { confirms: false })).code).toBe(1)
    expect((await run(`webhooks delete ${webhook.id} --yes`)).code).toBe(0)
    expect((await run(`webhooks delete ${webhook.id} --yes`)).code).toBe(3)
  })

  it('are not made of what is no place to deliver to', async () => {
    expect((await run('webhooks create http://example.com')).err).toContain('https')
  })
})

describe('every command', async () => {
  const commands = await allCommands()

  it.each(commands)('%s has a help that fits 80 columns', async (path) => {
    const { code, out } = await run(`${path} --help`)
    expect(code).toBe(0)
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it.each(commands)('%s has examples that it takes', (path, command) => {
    expect(command.examples.length).toBeGreaterThan(0)
    for (const [line] of command.examples) {
      const call = line.split(/[|>]/).find((part) => part.includes(path)) ?? ''
      const argv = words(call.slice(call.indexOf(path) + path.length))
      expect(() => readArguments(command, path, argv), line).not.toThrow()
    }
  })

  it('is in docs/cli.md', async () => {
    const text = await renderCliReference(ENTRIES)
    await expect(text).toMatchFileSnapshot('../../../../docs/cli.md')
  })
})

describe('leaked', () => {
  const fresh = async (): Promise<{ opaque: string; jwt: string; ids: string[] }> => {
    await run('machines create leaky')
    const { out: key } = await run('machines secret leaky')
    const own = { env: { ...env, COUNTERSIGN_SECRET_KEY: '', COUNTERSIGN_MACHINE_SECRET_KEY: key } }
    const opaque = await json('tokens create', own)
    const jwt = await json('tokens create --format jwt', own)
    await run('machines delete leaky --yes')
    return { opaque: opaque.token, jwt: jwt.token, ids: [opaque.id, jwt.id] }
  }

  it('finds what was issued, by line and column, and prints none of it', async () => {
    const { opaque, jwt, ids } = await fresh()
    const { COUNTERSIGN_SECRET_KEY: secretKey = '' } = env
    const input = `const a = 1\n  token: "${opaque}",\n${jwt} and ${secretKey}\n`
    const { code, out, err } = await run('leaked -', { input })
    expect(code).toBe(1)
    expect(out.split('\n')).toEqual([
      `2:11 m2m-token ${ids[0]}`,
      `3:1 m2m-jwt ${ids[1]}`,
      expect.stringMatching(new RegExp(`^3:${jwt.length + 6} instance-secret `)),
    ])
    expect(err).toBe('3 found.')
    for (const secret of [opaque, jwt, secretKey]) expect(out + err).not.toContain(secret)
  })

  it('takes nothing for a credential that was never issued: mistyped, cut, inside a longer word', async () => {
    const { opaque, jwt } = await fresh()
    const wrong = opaque.slice(0, -1) + (opaque.endsWith('0') ? '1' : '0')
    const other = jwt.replace(/^[^.]+/, Buffer.from('{"alg":"RS256"}').toString('base64url'))
    const input = [wrong, opaque.slice(0, -1), `x${opaque}`, `${opaque}0`, other, 'ak_'].join('\n')
    const { code, out, err } = await run('leaked -', { input })
    expect({ code, out, err }).toEqual({ code: 0, out: '', err: 'No credential was found.' })
  })

  it('finds each once in a line that is longer than memory should hold', async () => {
    const { opaque, jwt } = await fresh()
    const file = join(folder, 'long.txt')
    const filler = '.'.repeat(700_000)
    const parts = [filler, opaque, filler, jwt, filler, opaque, filler]
    writeFileSync(file, parts.join(' '))
    const { found } = JSON.parse((await run(`leaked ${file} --json`)).out)
    const columns = [1, 3, 5].map((index) => parts.slice(0, index).join(' ').length + 2)
    expect(found.map(({ column }: { column: number }) => column)).toEqual(columns)
  })

  it('has the authority end them with --report, without a key', async () => {
    await run('machines create spilled')
    const { out: key } = await run('machines secret spilled')
    const own = { ...env, COUNTERSIGN_SECRET_KEY: '', COUNTERSIGN_MACHINE_SECRET_KEY: key }
    const { token } = await json('tokens create', { env: own })
    const keyless = { ...env, COUNTERSIGN_SECRET_KEY: '' }
    const line = ['leaked', '-', '--report', '--source', 'a chat']
    const { code, err } = await run(line, { env: keyless, input: token })
    expect({ code, err }).toEqual({ code: 1, err: '1 found and reported.' })
    expect((await run('tokens verify -', { input: token })).code).toBe(1)
    const [entry] = await json('audit list --action credential.leaked')
    expect(entry.details).toMatchObject({ kind: 'm2m_token', done: 'revoked', source: 'a chat' })
  })

  it('says which file cannot be read, and which authority cannot be reached', async () => {
    expect((await run(`leaked ${join(folder, 'nowhere')}`)).code).toBe(2)
    const { opaque } = await fresh()
    const gone = { ...env, COUNTERSIGN_URL: 'http://127.0.0.1:9' }
    expect((await run('leaked - --report', { env: gone, input: opaque })).code).toBe(4)
  })
})

async function allCommands(): Promise<(readonly [path: string, command: Command])[]> {
  const entries = Object.entries(ENTRIES).map(async ([name, entry]) => {
    const loaded = await entry.load()
    if ('run' in loaded) return [[name, loaded] as const]
    return Object.entries(loaded.commands).map(
      ([verb, command]) => [`${name} ${verb}`, command] as const,
    )
  })
  return (await Promise.all(entries)).flat()
}

/** As a shell splits them; input that is redirected is no word. */
function words(line: string): string[] {
  const found = line.replace(/ < \S+/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? []
  return found.map((word) => word.replace(/^(['"])(.*)\1$/, '$2'))
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads a document without a type
async function json(line: string | string[], setting: Setting = {}): Promise<any> {
  const argv = typeof line === 'string' ? words(line) : line
  const { code, out, err } = await run([...argv, '--json'], setting)
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

async function run(line: string | string[], setting: Setting = {}): Promise<Outcome> {
  const argv = typeof line === 'string' ? words(line) : line
  const [out, err]: [string[], string[]] = [[], []]
  const style = picocolors.createColors(false)
  const shell: Shell = {
    env: setting.env ?? env,
    style,
    noteStyle: style,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    readInput: () => Promise.resolve(setting.input ?? ''),
    confirm: () =>
      setting.confirms === false
        ? Promise.reject(new CommandError('confirmation-refused', 'Not confirmed.'))
        : Promise.resolve(),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    untilStopped: () => Promise.resolve(),
  }
  const code = await runProgram(ENTRIES, argv, shell)
  return { code, out: out.join('\n'), err: err.join('\n') }
}
