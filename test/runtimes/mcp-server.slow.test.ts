import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSetting, startExample } from '../examples/support.ts'
import { callTool, ERAS } from '../support/mcp-client.ts'
import { ROOT } from '../support/spawn.ts'
import { COMMANDS, CONFIGURATION, expectRuntime, TIMEOUT } from './examples.ts'
import { bundleWorker, installRuntimes, installSdk } from './runtimes.ts'

/** `countersign/mcp-server` before a server of the official SDK, where there is no Node. */

const SERVER = '@modelcontextprotocol/server'

/** workerd has the variables in a module of its own; the others have `process.env`. */
const MAINS = {
  'main.js': [`import { createHandler } from './mcp-server.js'`, `export default createHandler()`],
  'worker.js': [
    `import { env } from 'cloudflare:workers'`,
    `import { createHandler } from './mcp-server.js'`,
    `export default createHandler(env)`,
  ],
}

const METADATA = '/.well-known/oauth-protected-resource/mcp'
const CHALLENGE = `resource_metadata="https://tools.test${METADATA}"`

const missing = await installRuntimes()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-mcp-'))
  await installSdk(folder)
  const scope = join(folder, 'node_modules/@modelcontextprotocol')
  await mkdir(scope)
  await symlink(join(ROOT, 'node_modules', SERVER), join(scope, 'server'))
  await cp(join(ROOT, 'test/runtimes/edge/mcp-server.js'), join(folder, 'mcp-server.js'))
  for (const [file, lines] of Object.entries(MAINS)) {
    await writeFile(join(folder, file), `${lines.join('\n')}\n`)
  }
  const dependencies = { countersign: '*', [SERVER]: '*' }
  const manifest = { private: true, type: 'module', dependencies }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await bundleWorker(folder, 'worker.js')
  await writeFile(join(folder, 'example.capnp'), CONFIGURATION)
})

afterAll(() => rm(folder, { recursive: true }))

test.for(Object.entries(COMMANDS))(
  'a server of tools on %s lets in who may come in, by both eras of the protocol',
  TIMEOUT,
  async ([name, [binary, ...args]], { skip }) => {
    await expectRuntime(name, binary, missing, skip)
    await using setting = await createSetting()
    const words = args.map((arg) => (arg === 'worker.js' ? 'main.js' : arg))
    await using server = await startExample(binary, words, folder, setting.env)
    const url = new URL('/mcp', server.url)

    for (const era of ['modern', 'legacy'] as const) {
      for (const format of ['opaque', 'jwt'] as const) {
        const token = await setting.mint('worker', format)
        const { revision, text } = await callTool(url, token, 'whoami', era)
        expect(revision).toBe(ERAS[era].revision)
        const said = JSON.parse(text) as { readonly headers: object }
        expect(said).toMatchObject({ subject: setting.env['WORKER_ID'], token: '' })
        expect(said.headers).not.toHaveProperty('authorization')
        expect(text).not.toContain(token)
      }
    }

    const refused = `Bearer error="invalid_token", ${CHALLENGE}`
    for (const format of ['opaque', 'jwt'] as const) {
      const token = await setting.mint('stranger', format)
      expect(await post(url, token)).toEqual([401, refused])
    }
    expect(await post(url, setting.apiKey)).toEqual([401, refused])
    expect(await post(url)).toEqual([401, `Bearer ${CHALLENGE}`])
    const metadata = await fetch(new URL(METADATA, url))
    expect(await metadata.json()).toMatchObject({ resource: 'https://tools.test/mcp' })
  },
)

async function post(url: URL, token?: string): Promise<readonly [number, string | null]> {
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const response = await fetch(url, { method: 'POST', headers })
  return [response.status, response.headers.get('www-authenticate')]
}
