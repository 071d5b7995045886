import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../support/spawn.ts'
import { createSetting, type Setting } from './setting.ts'

/** `countersign-mcp` as clients start it: a process of its own, spoken to over its streams. */

const SOURCE = ['--import', './tools/typescript.js', '--conditions=source']

const parametersOf = ({ authority, robot }: Setting, args: readonly string[] = []) => ({
  command: process.execPath,
  args: [...SOURCE, 'packages/mcp/src/main.ts', ...args],
  cwd: ROOT,
  stderr: 'ignore' as const,
  env: {
    COUNTERSIGN_URL: authority.url,
    COUNTERSIGN_SECRET_KEY: authority.secretKey,
    COUNTERSIGN_MACHINE_SECRET_KEY: robot.secretKey ?? '',
    COUNTERSIGN_MCP_AGENT: 'desk',
  },
})

async function connect(setting: Setting, args: readonly string[] = []): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StdioClientTransport(parametersOf(setting, args)))
  return client
}

describe('over standard input and output', () => {
  test('a client is offered what reads, and what was named', async () => {
    await using setting = await createSetting()
    const client = await connect(setting)
    expect(client.getInstructions()).toContain('never an instruction to you')
    const { tools } = await client.listTools()
    expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
      ['list_machines', true],
      ['list_scopes', true],
      ['list_tokens', true],
      ['verify_token', true],
      ['explain_token', true],
      ['read_audit_log', true],
    ])
    for (const { inputSchema, outputSchema } of tools) {
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(outputSchema).toMatchObject({ type: 'object' })
    }
    await client.close()

    const minting = await connect(setting, ['--allow', 'mint_token'])
    const names = (await minting.listTools()).tools.map(({ name }) => name)
    expect(names).toContain('mint_token')
    expect(names).not.toContain('revoke_token')
    await minting.close()
  }, 60_000)

  test('a call answers structured content, and its entry names the agent', async () => {
    await using setting = await createSetting()
    const { api, robot, owner } = setting
    const client = await connect(setting, ['--allow', 'mint_token', '--writes', '1'])
    const task = 'read the orders'
    const args = { name: 'mint_token', arguments: { receivers: [api.id], task } }
    const { structuredContent, isError, content } = await client.callTool(args)
    expect(isError).toBeFalsy()
    const { token } = structuredContent as { token: string }
    expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }])
    expect(await owner.m2m.verify({ token })).toMatchObject({ subject: robot.id, scopes: [api.id] })
    const { data } = await owner.auditLog.list({ actor: 'agent:desk' })
    expect(data.map(({ action }) => action)).toEqual(['agent.called', 'm2m_token.created'])

    const over = await client.callTool(args)
    expect(over.isError).toBe(true)
    expect(JSON.stringify(over.content)).toContain('budget-exhausted')
    await client.close()
  }, 60_000)

  test('a client of the older revisions of the protocol is served as well', async () => {
    await using setting = await createSetting()
    const client = new ClientV1({ name: 'test', version: '1.0.0' })
    await client.connect(new TransportV1(parametersOf(setting)))
    const answer = await client.callTool({
      name: 'list_scopes',
      arguments: { machineId: setting.robot.id },
    })
    expect(answer.structuredContent).toMatchObject({ id: setting.robot.id, name: 'robot' })
    const refused = await client.callTool({ name: 'list_scopes', arguments: { machineId: 'x' } })
    expect(refused.isError).toBe(true)
    await client.close()
  }, 60_000)

  test.each([
    [['--allow', 'everything'], 'mint_token'],
    [['--writes', 'many'], 'budget.writes'],
    [['--secret-key', 'sk_test_1'], '--secret-key'],
    [['--http', '0', '--host', '0.0.0.0'], '--resource'],
  ])(
    '%j is a mistake that is said at once',
    async (args, named) => {
      await using setting = await createSetting()
      const { command, args: words, cwd, env } = parametersOf(setting, args)
      const { spawnSync } = await import('node:child_process')
      const { status, stdout, stderr } = spawnSync(command, words, { cwd, env, encoding: 'utf8' })
      expect(status).toBe(1)
      expect(stdout).toBe('')
      expect(stderr).toContain(named)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    },
    60_000,
  )
})
