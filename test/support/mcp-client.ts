import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

/** A client of the official SDK, version 2, by both eras of the protocol. */

/** How the client is told to speak, and the revision that must come of it. */
export const ERAS = {
  modern: { mode: { pin: '2026-07-28' }, revision: '2026-07-28' },
  legacy: { mode: 'legacy', revision: '2025-11-25' },
} as const

export type Era = keyof typeof ERAS

/** What a tool said, and by which revision of the protocol. */
export interface ToolAnswer {
  readonly revision: string | undefined
  readonly text: string
}

/** Connects with a token, calls one tool, and closes. @throws what the client throws where it is refused */
export async function callTool(
  url: URL,
  token: string,
  name: string,
  era: Era,
): Promise<ToolAnswer> {
  const { mode } = ERAS[era]
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  try {
    const { content } = await client.callTool({ name, arguments: {} })
    const [first] = content
    if (first?.type !== 'text') throw new Error('The tool did not answer with a text.')
    return { revision: client.getNegotiatedProtocolVersion(), text: first.text }
  } finally {
    await client.close()
  }
}
