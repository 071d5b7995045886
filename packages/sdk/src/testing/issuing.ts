import type { Fetch } from '../verify/fetch-json.ts'
import type { JsonObject } from '../token/json.ts'
import { json, type SentRequest } from './scripted-fetch.ts'
import { encodePart, opaqueToken, RECEIVER, SENDER, TEST_ISSUER, testId } from './tokens.ts'

/** An authority that does nothing but issue tokens, by one clock. */
export interface Issuing {
  readonly fetch: Fetch
  /** What it was asked for. */
  readonly asked: readonly SentRequest[]
  /** The tokens that it gave, in their order. */
  readonly given: readonly string[]
  /** What it does instead from now on; `null` to issue. */
  answer: ((request: SentRequest) => Response | Promise<Response>) | null
}

export interface IssuingOptions {
  readonly clock: () => number
  readonly lifetimeMs?: number | null
  /** Laid over what it answers. */
  readonly more?: JsonObject
}

/** A JWT in form, which nobody can verify. */
export function unsignedJwt(number: number): string {
  const payload = { iss: TEST_ISSUER, sub: SENDER, jti: testId('m2mToken', number) }
  return `${encodePart({ alg: 'ES256', kid: 'key_1' })}.${encodePart(payload)}.${'A'.repeat(86)}`
}

export function issuing({ clock, lifetimeMs = 60_000, more = {} }: IssuingOptions): Issuing {
  const asked: SentRequest[] = []
  const given: string[] = []
  const authority: Issuing = {
    asked,
    given,
    answer: null,
    async fetch(url, init) {
      const body = JSON.parse(init.body as string) as Readonly<Record<string, unknown>>
      const headers = init.headers as Record<string, string>
      const request = { url, method: init.method ?? 'GET', headers, body }
      asked.push(request)
      // As over a network: not at once.
      await Promise.resolve()
      init.signal?.throwIfAborted()
      if (authority.answer !== null) return authority.answer(request)
      const number = given.length + 1
      const id = testId('m2mToken', number)
      const token = body['token_format'] === 'jwt' ? unsignedJwt(number) : opaqueToken(id)
      given.push(token)
      const now = clock()
      const made = {
        object: 'machine_to_machine_token',
        id,
        subject: SENDER,
        scopes: body['scopes'] ?? [RECEIVER],
        claims: body['claims'],
        revoked: false,
        revocation_reason: null,
        expired: false,
        expiration: lifetimeMs === null ? null : now + lifetimeMs,
        created_at: now,
        updated_at: now,
        token,
      }
      return json({ ...made, ...more }, 201)(request)
    },
  }
  return authority
}
