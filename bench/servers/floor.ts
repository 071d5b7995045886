import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from './listen.ts'
import type { Started } from './protocol.ts'

/** The least that a JSON service on Node does: read a body, parse it, answer with an object. */
export async function start(): Promise<Started> {
  const server = createServer(answer)
  const port = await listen(server)
  return { port, facts: null, stop: () => Promise.resolve() }
}

function answer(req: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
  })
  req.on('end', () => {
    const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()))
    res.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    res.end(body)
  })
}
