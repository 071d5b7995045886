/**
 * Secrets that a seed has fixed, so that tests can have them written down. None has the form of a credential,
 * so no authority can ever take one for its own: here each is exchanged, at the door, for the credential that
 * the engine made, and back.
 */
export interface FixedSecrets {
  /** Lets `text` stand for the credential. */
  fix(text: string, credential: string): void
  /** What stands for a credential, or the credential itself. */
  shown(credential: string): string
  /** The request with the credentials that were meant. */
  toEngine(request: Request): Promise<Request>
  /** The answer with the texts that stand for them. */
  toCaller(response: Response): Promise<Response>
}

/** The members of a body that hold a credential: of `/m2m_tokens/verify` and `/api_keys/verify`. */
const MEMBERS = ['token', 'secret'] as const

export function createFixedSecrets(): FixedSecrets {
  const credentials = new Map<string, string>()
  const texts = new Map<string, string>()

  const meantBy = (text: unknown): string | undefined =>
    typeof text === 'string' ? credentials.get(text) : undefined

  /** The body as it is, unless it holds a text that stands for something. */
  const exchanged = (body: string): string => {
    const content = parse(body)
    const meant = MEMBERS.flatMap((member) => {
      const credential = meantBy(content[member])
      return credential === undefined ? [] : [[member, credential] as const]
    })
    return meant.length === 0 ? body : JSON.stringify({ ...content, ...Object.fromEntries(meant) })
  }

  return Object.freeze({
    fix(text: string, credential: string) {
      credentials.set(text, credential)
      texts.set(credential, text)
    },

    shown: (credential: string) => texts.get(credential) ?? credential,

    async toEngine(request: Request) {
      if (credentials.size === 0) return request
      const headers = new Headers(request.headers)
      const [scheme = '', text] = (headers.get('authorization') ?? '').split(' ', 2)
      const credential = meantBy(text)
      if (credential !== undefined) headers.set('authorization', `${scheme} ${credential}`)
      const { url, method, signal } = request
      if (method === 'GET' || method === 'HEAD')
        return new Request(url, { method, headers, signal })
      headers.delete('content-length')
      const body = exchanged(await request.text())
      return new Request(url, { method, headers, signal, ...(body !== '' && { body }) })
    },

    async toCaller(response: Response) {
      const type = response.headers.get('content-type') ?? ''
      if (texts.size === 0 || !type.startsWith('application/json')) return response
      let body = await response.text()
      for (const [credential, text] of texts) body = body.replaceAll(credential, () => text)
      const headers = new Headers(response.headers)
      headers.delete('content-length')
      return new Response(body, { status: response.status, headers })
    },
  })
}

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(body)
    return typeof content === 'object' && content !== null ? { ...content } : {}
  } catch {
    // The engine is to say so.
    return {}
  }
}
