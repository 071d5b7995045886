import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
// oidc-provider brings no types.
// @ts-expect-error TS7016: the little of it that is used is typed below.
import Untyped from 'oidc-provider'
import { listen } from './listen.ts'
import type { Started } from './protocol.ts'

export interface OidcOptions {
  readonly format: 'opaque' | 'jwt'
  readonly algorithm?: 'RS256' | 'ES256'
  /** How many tokens to issue beforehand. */
  readonly tokens?: number
}

export interface OidcFacts {
  /** The value of `authorization` for its one client. */
  readonly authorization: string
  readonly tokens: readonly string[]
}

interface Provider {
  callback(): (req: unknown, res: unknown) => void
  readonly Client: { find(id: string): Promise<unknown> }
  readonly ClientCredentials: new (properties: object) => { save(): Promise<string> }
}

const Provider = Untyped as new (issuer: string, configuration: object) => Provider

const CLIENT = { id: 'worker', secret: 'a-secret-of-a-usual-length-for-a-client' }

const RECEIVER = 'urn:bench:api'

const LIFETIME_SECONDS = 3600

/** The peer: the OpenID-certified server for Node, with everything in memory. */
export async function start(options: OidcOptions): Promise<Started> {
  const server = createServer()
  const port = await listen(server)
  const provider = new Provider(`http://127.0.0.1:${port}`, configurationOf(options))
  server.on('request', provider.callback())
  const credentials = Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')
  const facts: OidcFacts = {
    authorization: `Basic ${credentials}`,
    tokens: await issue(provider, options.tokens ?? 0),
  }
  return { port, facts, stop: () => Promise.resolve() }
}

function configurationOf({ format, algorithm = 'RS256' }: OidcOptions): object {
  return {
    adapter: createMemoryAdapter(),
    jwks: { keys: [privateJwk(algorithm)] },
    cookies: { keys: ['bench'] },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: algorithm,
      },
    ],
    ttl: { ClientCredentials: LIFETIME_SECONDS },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      // RFC 8707: a resource server is what makes an access token a JWT (RFC 9068) here.
      resourceIndicators: {
        enabled: format === 'jwt',
        defaultResource: () => RECEIVER,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: '',
          audience: RECEIVER,
          accessTokenTTL: LIFETIME_SECONDS,
          accessTokenFormat: format,
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  }
}

function privateJwk(algorithm: 'RS256' | 'ES256'): object {
  const { privateKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: 'bench' }
}

async function issue(provider: Provider, count: number): Promise<readonly string[]> {
  const client = await provider.Client.find(CLIENT.id)
  const tokens: string[] = []
  for (let number = 0; number < count; number++) {
    tokens.push(await new provider.ClientCredentials({ client }).save())
  }
  return tokens
}

/** Its own memory adapter forgets all but the last thousand entries; this one is as plain and forgets none. */
function createMemoryAdapter(): new (model: string) => object {
  const entries = new Map<string, object>()
  return class MemoryAdapter {
    readonly model: string

    constructor(model: string) {
      this.model = model
    }

    upsert(id: string, payload: object): Promise<void> {
      entries.set(`${this.model}:${id}`, payload)
      return Promise.resolve()
    }

    find(id: string): Promise<object | undefined> {
      return Promise.resolve(entries.get(`${this.model}:${id}`))
    }
  }
}
