import { CREDENTIAL_PATTERNS } from 'countersign/token'
import * as v from 'valibot'
import type { LeakedCredentials } from '../../domain/leaked-credentials.ts'
import type { Clock } from '../../domain/ports.ts'
import { readJson } from '../body.ts'
import type { App } from '../http-app.ts'
import { createRateLimit } from '../rate-limit.ts'
import { json, publicJson } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody } from '../validate.ts'

const MAX_CREDENTIALS = 100

/** Longer than every credential that is issued. */
const MAX_CREDENTIAL_CHARACTERS = 16_384

const LIMITS = { perMs: 60_000, each: 30, all: 300 }

const PATTERNS_MAX_AGE_SECONDS = 86_400

const CREDENTIALS = `must be an array of 1 to ${MAX_CREDENTIALS} strings`

const reportBody = rule.body({
  credentials: v.pipe(
    v.array(rule.text(1, MAX_CREDENTIAL_CHARACTERS), CREDENTIALS),
    v.minLength(1, CREDENTIALS),
    v.maxLength(MAX_CREDENTIALS, CREDENTIALS),
  ),
  source: v.optional(v.nullable(rule.text(0, 255))),
  url: v.optional(v.nullable(rule.text(0, 1_024))),
})

/** For whoever finds a credential: what it looks like, and where to say so. Nobody has to say who they are. */
export function routeLeakedCredentials(
  app: App,
  leakedCredentials: LeakedCredentials,
  clock: Clock,
): void {
  const limit = createRateLimit(clock, LIMITS)

  app.get('/.well-known/credential-patterns', () =>
    publicJson({ patterns: CREDENTIAL_PATTERNS }, PATTERNS_MAX_AGE_SECONDS),
  )

  app.post('/leaked-credentials', async (c) => {
    const { address } = c.env
    limit.take(address)
    const { credentials, source, url } = checkBody(reportBody, await readJson(c.req.raw))
    await leakedCredentials.report(credentials, {
      source: source ?? null,
      url: url ?? null,
      address,
    })
    return json({ object: 'leaked_credentials_report', received: credentials.length }, 202)
  })
}
