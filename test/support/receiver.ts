import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request, as a receiver was sent it. */
export interface ReceivedRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly authorization: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Handler = (
  request: ReceivedRequest,
  res: ServerResponse,
) => Response | undefined | Promise<Response | undefined>

/** A service on a free port, which remembers what it was sent. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly received: readonly ReceivedRequest[]
}

/** @param handler Its answer; `undefined` when it has written one itself. */
export async function startReceiver(handler: Handler): Promise<Receiver> {
  const received: ReceivedRequest[] = []
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const { method = '', url: target = '', headers } = req
    const body = Buffer.concat(chunks).toString()
    const { authorization } = headers
    const request = { method, target, authorization, headers, body }
    received.push(request)
    const response = await handler(request, res)
    if (response === undefined) return
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(await response.text())
  }
  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => res.destroy(error as Error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
