import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request and its answer, as they were on the wire. */
export interface Exchange {
  readonly method: string
  /** Path and query, undecoded. */
  readonly target: string
  readonly requestHeaders: IncomingHttpHeaders
  readonly requestBody: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A reverse proxy that changes nothing and remembers everything. */
export interface Recorder {
  /** Without a trailing slash. */
  readonly url: string
  readonly exchanges: readonly Exchange[]
  /** Where requests go from now on. */
  forwardTo(url: string): void
  close(): Promise<void>
}

/** RFC 9110 §7.6.1: they belong to one connection. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive'])

export async function startRecorder(): Promise<Recorder> {
  const exchanges: Exchange[] = []
  const agent = new Agent({ keepAlive: true })
  let upstream: URL | undefined

  const relay = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (upstream === undefined) throw new Error('The recorder was not told where to forward.')
    const requestBody = await readAll(req)
    const { method = '', url: target = '' } = req
    const passed = request({
      agent,
      host: upstream.hostname,
      port: upstream.port,
      method,
      path: target,
      headers: endToEnd(req.rawHeaders),
    })
    passed.end(requestBody)
    const [answer] = (await once(passed, 'response')) as [IncomingMessage]
    const body = await readAll(answer)
    exchanges.push({
      method,
      target,
      requestHeaders: req.headers,
      requestBody: requestBody.toString(),
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: body.toString(),
    })
    res.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders)).end(body)
  }

  const server = createServer((req, res) => {
    relay(req, res).catch((error: unknown) => res.destroy(error as Error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    exchanges,
    forwardTo(url) {
      upstream = new URL(url)
    },
    async close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await once(server, 'close')
    },
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function endToEnd(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers[name] = rawHeaders[index + 1] ?? ''
  }
  return headers
}
