import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { localhostAllowedHostnames } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { type AgentTools, createAgentTools } from './agent-tools.ts'
import { createMcpFetch } from './http.ts'
import { createMcpServer } from './server.ts'
import type { ToolName } from './tool.ts'

/** `countersign-mcp`. Keys come from the environment alone: what stands in arguments, everybody sees. */

type Environment = Readonly<Record<string, string | undefined>>

const HELP = `countersign-mcp: tools of a Countersign authority for agents (Model Context Protocol).

Over standard input and output, or with --http over HTTP. Read-only unless a tool is named.

  --allow TOOL         Switches on mint_token or revoke_token; can be given several times.
                       Or COUNTERSIGN_MCP_ALLOW=mint_token,revoke_token
  --agent NAME         What the agent is called in the audit log. Default mcp. Or COUNTERSIGN_MCP_AGENT
  --writes N           Changes and tokens in a window, for each agent. Default 10
  --calls N            Calls of every kind in a window, for each agent. Default 500
  --window SECONDS     The window. Default 3600
  --max-token SECONDS  The longest life of a token that is minted. Default 900
  --token-format F     jwt or opaque. Default jwt
  --http [PORT]        Serves HTTP. Needs COUNTERSIGN_MACHINE_SECRET_KEY: whom tokens must be meant for
  --host HOST          Where to listen. Default 127.0.0.1
  --resource URL       Where clients reach it; needed where --host is not this machine
  --from MACHINE       A machine that may call, over HTTP; can be given several times. Default all with a scope
  --allow-origin HOST  The host of web pages that may call, over HTTP. Default none

Environment: COUNTERSIGN_URL, COUNTERSIGN_SECRET_KEY, COUNTERSIGN_MACHINE_SECRET_KEY.
`

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  allow: { type: 'string', multiple: true },
  agent: { type: 'string' },
  writes: { type: 'string' },
  calls: { type: 'string' },
  window: { type: 'string' },
  'max-token': { type: 'string' },
  'token-format': { type: 'string' },
  http: { type: 'string' },
  host: { type: 'string' },
  resource: { type: 'string' },
  from: { type: 'string', multiple: true },
  'allow-origin': { type: 'string', multiple: true },
} as const

type Flags = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values']

/** @throws {Error} whose message may be shown */
export async function run(words: readonly string[], env: Environment): Promise<void> {
  const { values: flags } = parseArgs({ args: [...words], options: FLAGS, strict: true })
  if (flags.help === true) {
    process.stdout.write(HELP)
    return
  }
  const agentTools = createTools(flags, env)
  if (flags.http !== undefined) return serveHttp(agentTools, flags, env)
  serveStdio(() => createMcpServer(agentTools, { onError: report }), { onerror: report })
  say(`${namesOf(agentTools)}; on standard input and output`)
}

function createTools(flags: Flags, env: Environment): AgentTools {
  const apiUrl = env['COUNTERSIGN_URL']
  if (!apiUrl) throw new TypeError('Expected COUNTERSIGN_URL in the environment.')
  const fromEnvironment = (env['COUNTERSIGN_MCP_ALLOW'] ?? '').split(',')
  const allow = (flags.allow ?? fromEnvironment).map((name) => name.trim()).filter(Boolean)
  const { 'token-format': tokenFormat = 'jwt' } = flags
  if (tokenFormat !== 'jwt' && tokenFormat !== 'opaque') {
    throw new TypeError('Expected --token-format to be jwt or opaque.')
  }
  return createAgentTools({
    apiUrl,
    secretKey: env['COUNTERSIGN_SECRET_KEY'],
    machineSecretKey: env['COUNTERSIGN_MACHINE_SECRET_KEY'],
    // Names that are none are refused there.
    allow: allow as readonly ToolName[],
    agent: flags.agent ?? env['COUNTERSIGN_MCP_AGENT'],
    budget: {
      ...numberOf('writes', flags.writes),
      ...numberOf('calls', flags.calls),
      ...numberOf('windowSeconds', flags.window),
    },
    tokenFormat,
    ...numberOf('maxTokenSeconds', flags['max-token']),
  })
}

async function serveHttp(agentTools: AgentTools, flags: Flags, env: Environment): Promise<void> {
  const { host = '127.0.0.1', from, resource } = flags
  const isHere = localhostAllowedHostnames().includes(host.includes(':') ? `[${host}]` : host)
  if (!isHere && resource === undefined) {
    throw new TypeError('Expected --resource with --host: the URL by which clients reach it.')
  }
  const server = createServer()
  server.listen(Number(flags.http), host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ownUrl = `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`
  try {
    const fetch = createMcpFetch(agentTools, {
      resource: resource ?? ownUrl,
      env,
      onError: report,
      ...(from !== undefined && { from }),
      ...(flags['allow-origin'] !== undefined && { allowedOrigins: flags['allow-origin'] }),
    })
    server.on('request', toNodeHandler({ fetch }, { onerror: report }) as RequestListener)
  } catch (error) {
    server.close()
    throw error
  }
  say(`${namesOf(agentTools)}; on ${ownUrl}`)
}

type RequestListener = (...given: readonly unknown[]) => void

function namesOf({ tools }: AgentTools): string {
  return tools.map(({ name }) => name).join(', ')
}

/** Says what went wrong, and no more: what was asked for may hold a token. */
export function report(error: unknown): void {
  say(error instanceof Error ? error.message : 'failed')
}

/** Standard output belongs to the protocol. */
function say(text: string): void {
  process.stderr.write(`countersign-mcp: ${text}\n`)
}

function numberOf<Name extends string>(
  name: Name,
  text: string | undefined,
): { readonly [Key in Name]?: number } {
  if (text === undefined) return {}
  // `Number` makes a number of nothing, and of blanks.
  return { [name]: /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN } as {
    readonly [Key in Name]?: number
  }
}
