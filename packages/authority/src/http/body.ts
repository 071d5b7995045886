import { AuthorityError } from '../domain/errors.ts'

/** A body in more pieces than this is meant to cost, not to tell. */
const MAX_CHUNKS = 256

/** The most that a request body may measure. */
export const MAX_BODY_BYTES = 65_536

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON body; `{}` when it is empty, since existing clients announce JSON even where they
 * send none.
 *
 * @throws {AuthorityError} `payload_too_large`, `bad_request`
 */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBounded(request).catch((error: unknown) => {
    // Whoever breaks off in the middle is no defect of ours.
    throw error instanceof AuthorityError ? error : notReceived()
  })
  if (bytes.byteLength === 0) return {}
  try {
    return JSON.parse(UTF8.decode(bytes)) as unknown
  } catch {
    throw new AuthorityError('bad_request', { explanation: 'The body is not valid JSON.' })
  }
}

async function readBounded(request: Request): Promise<ArrayBuffer | Uint8Array> {
  const stated = request.headers.get('content-length')
  if (stated !== null) {
    if (!(Number(stated) <= MAX_BODY_BYTES)) throw new AuthorityError('payload_too_large')
    // The HTTP parser hands over no more than what was stated.
    if (request.headers.get('transfer-encoding') === null) return request.arrayBuffer()
  }
  return request.body === null ? new Uint8Array() : readStream(request.body)
}

async function readStream(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    if (length > MAX_BODY_BYTES) throw new AuthorityError('payload_too_large')
    chunks.push(chunk)
    if (chunks.length > MAX_CHUNKS) throw notReceived()
  }
  return Buffer.concat(chunks)
}

function notReceived(): AuthorityError {
  return new AuthorityError('bad_request', { explanation: 'The body was not received whole.' })
}
