/** What a JWT says, unverified. */
export interface JwtParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

/** Reads a JWT without judging it; member order is that of the token. */
export function jwtParts(token: unknown): JwtParts {
  const [header = '', payload = ''] = String(token)
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString())
  return {
    header: JSON.parse(header) as JwtParts['header'],
    payload: JSON.parse(payload) as JwtParts['payload'],
  }
}
