import {
  type Authority,
  createAuthority,
  createMemoryStore,
  createRootKey,
  initializeInstance,
} from '@countersign/authority'

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA'

export const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA']

export type Json = Readonly<Record<string, unknown>>

export interface Issuing {
  /** Who have them issued, in turn. Default one. */
  readonly machines?: number
  /** Whether each has a claim that no other has. Default not. */
  readonly ownClaims?: boolean
}

/** An authority in this process with a machine that makes tokens and one that they are meant for. */
export interface TokenSource {
  readonly issuer: string
  readonly receiverId: string
  readonly receiverSecret: string
  /** The public key of an algorithm, as it is published. */
  publicJwk(algorithm: Algorithm): Json
  /** Issues this many distinct JWTs. */
  issue(algorithm: Algorithm, count: number, how?: Issuing): Promise<readonly string[]>
  readonly fetch: Authority['fetch']
}

export const ISSUER = 'https://authority.bench.example'

const ROOT_KEY_BYTES = 32

const AT_ONCE = 64

/** Tokens as an authority issues them, without a socket or a file. */
export async function createTokenSource(): Promise<TokenSource> {
  const ports = { store: createMemoryStore() }
  const rootKeys = [createRootKey(crypto.getRandomValues(new Uint8Array(ROOT_KEY_BYTES)))]
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  if (founded === null) throw new Error('The new store holds an instance.')
  const authority = await createAuthority({ issuer: ISSUER, rootKeys }, ports)
  const { keys } = await get(authority, '/.well-known/jwks.json')
  const { receiverId, receiverSecret } = await createMachines(authority, founded.secretKey)
  return Object.freeze({
    issuer: ISSUER,
    receiverId,
    receiverSecret,
    fetch: authority.fetch,
    publicJwk(algorithm: Algorithm) {
      const key = (keys as readonly Json[]).find(({ alg }) => alg === algorithm)
      if (key === undefined) throw new Error(`No ${algorithm} key is published.`)
      return key
    },
    async issue(
      algorithm: Algorithm,
      count: number,
      { machines = 1, ownClaims = false }: Issuing = {},
    ) {
      const issuers = await inBatches(machines, () =>
        call(authority, '/v1/machines', founded.secretKey, {
          name: 'worker',
          scoped_machines: [receiverId],
          jwt_algorithm: algorithm,
        }),
      )
      const body = { token_format: 'jwt', seconds_until_expiration: 3600 }
      let turn = 0
      return inBatches(count, async () => {
        const number = turn++
        const secret = (issuers[number % machines] as Json)['secret_key'] as string
        const claims = ownClaims ? { claims: { task: `task-${number}` } } : {}
        const { token } = await call(authority, '/v1/m2m_tokens', secret, { ...body, ...claims })
        return token as string
      })
    },
  })
}

/** Two machines: one that makes tokens, and one that they are meant for. */
export async function createMachines(
  authority: Authority,
  secretKey: string,
): Promise<{
  readonly issuerId: string
  readonly issuerSecret: string
  readonly receiverId: string
  readonly receiverSecret: string
}> {
  const receiver = await call(authority, '/v1/machines', secretKey, { name: 'api' })
  const issuer = await call(authority, '/v1/machines', secretKey, {
    name: 'worker',
    scoped_machines: [receiver['id']],
  })
  return {
    issuerId: issuer['id'] as string,
    issuerSecret: issuer['secret_key'] as string,
    receiverId: receiver['id'] as string,
    receiverSecret: receiver['secret_key'] as string,
  }
}

/** One request, without a socket. @throws unless it succeeds. */
export async function call(
  authority: Pick<Authority, 'fetch'>,
  path: string,
  secret: string,
  body: object,
  method = 'POST',
): Promise<Json> {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  const request = new Request(ISSUER + path, { method, headers, body: JSON.stringify(body) })
  return read(path, await authority.fetch(request))
}

/** Does a task so often, some at once, so that the authority may carry them in one commit. */
export async function inBatches<Item>(count: number, task: () => Promise<Item>): Promise<Item[]> {
  const items: Item[] = []
  while (items.length < count) {
    const length = Math.min(AT_ONCE, count - items.length)
    items.push(...(await Promise.all(Array.from({ length }, task))))
  }
  return items
}

async function get(authority: Authority, path: string): Promise<Json> {
  return read(path, await authority.fetch(new Request(ISSUER + path)))
}

async function read(path: string, answer: Response): Promise<Json> {
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Json
}
