// A server of tools as a fetch handler. Whoever starts it says where its settings are.
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { getAuth, protectMcpServer } from 'countersign/mcp-server'

/** @param {object} [env] Where the variables are, if not in `process.env`. */
export function createHandler(env) {
  const protection = protectMcpServer({ resource: 'https://tools.test/mcp', env })
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'tools', version: '1.0.0' })
    server.registerTool('whoami', {}, ({ http }) => {
      const { subject } = getAuth(http?.authInfo)
      const headers = Object.fromEntries(http?.req?.headers ?? [])
      const said = { subject, token: http?.authInfo?.token, headers }
      return { content: [{ type: 'text', text: JSON.stringify(said) }] }
    })
    return server
  })
  return { fetch: protection.fetch(mcp.fetch) }
}
