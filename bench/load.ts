import { connect, type Socket } from 'node:net'

/** A request as bytes, and what tells a right answer from a wrong one. */
export interface Exchange {
  readonly request: Buffer
  /** @throws when the answer is wrong. */
  readonly check: (status: number, body: string) => void
}

/** Keep-alive connections to one server. */
export interface Load {
  /** Replaces connections that the server has closed: Node's does so when one rests for five seconds. */
  reopen(): Promise<void>
  /** Sends exchanges `first` to `first + count - 1`, on all connections at once, one at a time on each. */
  run(exchangeOf: (number: number) => Exchange, first: number, count: number): Promise<void>
  close(): void
}

/**
 * A client as lean as can be, so that on two cores the server and not the client is what is busy. It
 * knows the HTTP that our contestants speak (status line, `content-length`), and refuses any other.
 */
export async function openLoad(port: number, connections: number): Promise<Load> {
  let sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  return Object.freeze({
    async reopen() {
      sockets = await Promise.all(sockets.map(async (one) => (one.writable ? one : open(port))))
    },
    async run(exchangeOf: (number: number) => Exchange, first: number, count: number) {
      let next = first
      const take = (): Exchange | null => (next < first + count ? exchangeOf(next++) : null)
      const mayRest = stayAwake()
      await Promise.all(sockets.map((socket) => converse(socket, take))).finally(mayRest)
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  })
}

/** What Node's `fetch` sends besides: a server has to read it. */
const USUAL_HEADERS = {
  host: '127.0.0.1:4100',
  connection: 'keep-alive',
  accept: '*/*',
  'accept-language': '*',
  'sec-fetch-mode': 'cors',
  'user-agent': 'node',
  'accept-encoding': 'gzip, deflate',
}

/** An HTTP/1.1 POST on a keep-alive connection. */
export function post(
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const length = String(Buffer.byteLength(body))
  const lines = Object.entries({
    ...USUAL_HEADERS,
    ...headers,
    'content-length': length,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/**
 * Keeps this process from sleeping. To wake a sleeping client costs the server that answers it up to
 * 20 µs, which a client in a hurry would spare the fast contestants and charge to the slow ones.
 *
 * @returns what lets it sleep again.
 */
function stayAwake(): () => void {
  let awake = true
  const turn = (): void => {
    if (awake) setImmediate(turn)
  }
  turn()
  return () => {
    awake = false
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function converse(socket: Socket, take: () => Exchange | null): Promise<void> {
  return new Promise((resolve, reject) => {
    let current = take()
    let received = ''

    const finish = (error?: unknown): void => {
      socket.off('data', onData).off('close', onClose).off('error', finish)
      if (error === undefined) resolve()
      else reject(error instanceof Error ? error : new Error('The connection failed.'))
    }
    const onClose = (): void => {
      finish(new Error('The server closed a connection in the middle of a round.'))
    }
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1')
      try {
        const answer = parseAnswer(received)
        if (answer === null) return
        received = ''
        current?.check(answer.status, answer.body)
      } catch (error) {
        finish(error)
        return
      }
      current = take()
      if (current === null) finish()
      else socket.write(current.request)
    }

    if (current === null) {
      resolve()
      return
    }
    // It would tell of nothing any more, and be waited for without end.
    if (socket.destroyed) {
      onClose()
      return
    }
    socket.on('data', onData).on('close', onClose).on('error', finish)
    socket.write(current.request)
  })
}

/** `null` while the answer is incomplete. */
function parseAnswer(text: string): { readonly status: number; readonly body: string } | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const head = text.slice(0, headEnd)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`An answer without a length:\n${head}`)
  const body = text.slice(headEnd + 4)
  if (body.length < Number(length)) return null
  if (body.length > Number(length)) throw new Error(`More than one answer:\n${text}`)
  return { status: Number(head.slice(9, 12)), body }
}
