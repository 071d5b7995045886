import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server'
import type { Authority } from './app.ts'
import type { Origin } from './domain/actors.ts'
import { AuthorityError } from './domain/errors.ts'
import type { Log } from './domain/ports.ts'
import { newRequestId, problem } from './http/problem.ts'
import { clientAddress, type Networks, NO_NETWORKS } from './network.ts'
import { systemRandom } from './system.ts'

export interface ServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly log: Log
  /** Whose `X-Forwarded-For` is believed. Default: nobody's. */
  readonly trustedProxies?: Networks
  /** Whose connection is closed without an answer; an emulator can be told to. Default: nobody's. */
  readonly hangsUpOn?: (request: IncomingMessage) => boolean
  /** Opens the authority once the socket is bound; `url` is where it will be reached. */
  readonly open: (url: string) => Promise<Authority>
}

/** An authority behind a socket. */
export interface RunningServer {
  /** Without a trailing slash. */
  readonly url: string
  readonly authority: Authority
  /** Stops taking requests, answers those under way, and closes the authority. */
  close(): Promise<void>
}

/** What a stranger may hold: Node's own limits, said aloud. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  // Node looks for sockets that are past the limits above this often; its default is 30 s.
  connectionsCheckingInterval: 1_000,
} as const

/** Sockets at once; further ones are closed as they come. */
const MAX_CONNECTIONS = 4_096

const TICK_MS = 1_000

/** How long requests under way may take when the server is told to end. */
const DRAIN_MS = 8_000

/** How long a connection that has asked for nothing may still ask. */
const SILENCE_MS = 500

const CLOSE_IDLE_MS = 50

/**
 * Puts an authority behind a socket.
 *
 * @throws what `open` throws, and Node's error (`EADDRINUSE`, …) when the address cannot be had;
 *   nothing stays open then.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  let authority: Authority | undefined
  const trusted = options.trustedProxies ?? NO_NETWORKS
  const originOf = ({ incoming }: HttpBindings | Http2Bindings): Origin => ({
    address: clientAddress(
      incoming.socket.remoteAddress ?? null,
      forwardedFor(incoming.headers['x-forwarded-for']),
      trusted,
    ),
  })
  const answer = getRequestListener(
    (request, env) => authority?.fetch(request, originOf(env)) ?? notReady(),
    { errorHandler: () => refuse('bad_request') },
  )
  /** Connections that have asked for nothing yet: a client may open one long before it needs it. */
  const silent = new Set<Socket>()
  const server = createServer({ ...LIMITS, requireHostHeader: false }, (incoming, outgoing) => {
    silent.delete(incoming.socket)
    if (options.hangsUpOn?.(incoming) === true) incoming.socket.destroy()
    else void answer(incoming, outgoing)
  })
  server.on('connection', (socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', refuseMalformed)
  // RFC 9110 §10.1.1: an expectation other than 100-continue may be passed over.
  server.on('checkExpectation', (incoming, outgoing) => {
    void answer(incoming, outgoing)
  })
  await bind(server, options)
  const url = urlOf(server, options.host)
  try {
    authority = await options.open(url)
  } catch (error) {
    await end(server, silent)
    throw error
  }
  const opened = authority
  const stopTicking = startTicking(opened, options.log)
  return Object.freeze({
    url,
    authority: opened,
    async close() {
      stopTicking()
      opened.endStreams()
      await end(server, silent)
      await opened.close()
    },
  })
}

function bind(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function end(server: Server, silent: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      server.closeAllConnections()
    }, DRAIN_MS)
    const hangUp = setTimeout(() => {
      for (const socket of silent) socket.destroy()
    }, SILENCE_MS)
    // A connection that has had its answer would be kept for the next request.
    const closeIdle = setInterval(() => {
      server.closeIdleConnections()
    }, CLOSE_IDLE_MS)
    server.close(() => {
      clearTimeout(giveUp)
      clearTimeout(hangUp)
      clearInterval(closeIdle)
      resolve()
    })
    server.closeIdleConnections()
  })
}

function startTicking(authority: Authority, log: Log): () => void {
  const timer = setInterval(() => {
    authority.tick().catch((error: unknown) => {
      log.error('background work failed', {}, error)
    })
  }, TICK_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** Node joins what is sent several times. */
function forwardedFor(header: string | string[] | undefined): string | null {
  return header === undefined ? null : String(header)
}

function notReady(): Response {
  return refuse('storage_unavailable')
}

/** What never reached the authority: it is not open yet, or the target or Host make no URL. */
function refuse(code: 'bad_request' | 'storage_unavailable'): Response {
  const answer = problem(new AuthorityError(code), newRequestId(systemRandom))
  answer.headers.set('connection', 'close')
  return answer
}

interface Malformed {
  readonly status: string
  readonly code: 'bad_request' | 'payload_too_large'
  readonly message: string
}

const MALFORMED: Malformed = {
  status: '400 Bad Request',
  code: 'bad_request',
  message: 'The request is not valid HTTP.',
}

/** By the code of Node's error. */
const MALFORMATIONS: Readonly<Record<string, Malformed>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'payload_too_large',
    message: 'The request headers are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'bad_request',
    message: 'The request took too long to arrive.',
  },
}

/** What Node's parser refuses gets the same shape as every other refusal. */
function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const { status, code, message } = MALFORMATIONS[error.code ?? ''] ?? MALFORMED
  const body = JSON.stringify({
    errors: [{ message, long_message: message, code, meta: {} }],
    meta: {},
    clerk_trace_id: newRequestId(systemRandom),
  })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
