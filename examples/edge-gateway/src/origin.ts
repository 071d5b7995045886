import { Buffer } from 'node:buffer'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { jwtVerify } from 'jose'
import { IDENTITY_HEADER } from './headers.ts'

/** Who calls, once the gateway's statement about it is checked. */
export interface Identity {
  readonly machineId: string
  readonly tokenId: string
  readonly claims: unknown
}

/**
 * What the origin has to do: believe the header only under its key, for itself and for this request.
 *
 * @throws when the request did not come by the gateway.
 */
export async function readIdentity(
  req: IncomingMessage,
  options: { readonly originKey: string; readonly origin: string },
): Promise<Identity> {
  const { payload } = await jwtVerify(
    String(req.headers[IDENTITY_HEADER]),
    Buffer.from(options.originKey, 'base64'),
    {
      algorithms: ['HS256'],
      typ: 'gateway+jwt',
      issuer: 'edge-gateway',
      audience: options.origin,
      maxTokenAge: 30,
      clockTolerance: 5,
    },
  )
  const { sub, jti, htm, path, claims } = payload
  if (sub === undefined || jti === undefined || htm !== req.method || path !== req.url) {
    throw new Error('The statement is about another request.')
  }
  return { machineId: sub, tokenId: jti, claims }
}

/** An origin that says who called. */
export function createOrigin(options: {
  readonly originKey: string
  readonly origin: string
}): Server {
  return createServer((req, res) => {
    readIdentity(req, options).then(
      (identity) => {
        res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(identity))
      },
      () => {
        res.writeHead(403).end()
      },
    )
  })
}
