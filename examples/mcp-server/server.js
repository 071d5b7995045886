import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { getAuth, protectMcpServer } from 'countersign/mcp-server'

const port = Number(process.env.PORT ?? 3000)

const protection = protectMcpServer({
  // Where clients reach it. Access tokens must name it; so does the metadata.
  resource: process.env.RESOURCE_URL ?? `http://127.0.0.1:${port}/mcp`,
  resourceName: 'Orders',
})

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'orders', version: '1.0.0' })

  server.registerTool('list_orders', { description: 'Lists the orders.' }, ({ http }) => {
    // Who calls; there is no token here that could be passed on.
    const auth = getAuth(http?.authInfo)
    const orders = { orders: [], askedBy: auth.subject }
    return { content: [{ type: 'text', text: JSON.stringify(orders) }] }
  })

  return server
})

// Machines that may call this one, and nobody else, reach a tool.
serve({ fetch: protection.fetch(mcp.fetch), hostname: '127.0.0.1', port })
