import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn.ts'
import { createSetting, startExample } from './support.ts'

/** The example is started as its page says; `countersign` is the build of this workspace. */
test('examples/mcp-server starts as documented, and lets in who may come in', async () => {
  await using setting = await createSetting()
  const folder = join(ROOT, 'examples/mcp-server')
  await using example = await startExample('npm', ['start'], folder, setting.env)
  const url = new URL('/mcp', example.url)

  const ask = async (token: string): Promise<object> => {
    const client = new Client({ name: 'test', version: '1.0.0' })
    const requestInit = { headers: { authorization: `Bearer ${token}` } }
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
    const answer = await client.callTool({ name: 'list_orders' })
    await client.close()
    return answer
  }
  for (const format of ['opaque', 'jwt'] as const) {
    const text = JSON.stringify({ orders: [], askedBy: setting.env['WORKER_ID'] })
    expect(await ask(await setting.mint('worker', format))).toMatchObject({
      content: [{ type: 'text', text }],
    })
    await expect(ask(await setting.mint('stranger', format))).rejects.toThrow()
  }

  const nobody = await fetch(url, { method: 'POST' })
  expect(nobody.status).toBe(401)
  const metadata = `${example.url}/.well-known/oauth-protected-resource/mcp`
  expect(nobody.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}"`)
  expect(await (await fetch(metadata)).json()).toMatchObject({ resource: url.href })
}, 60_000)
