import { isId, type IdKind } from 'countersign/token'
import * as v from 'valibot'
import { AuthorityError } from '../domain/errors.ts'

/**
 * Checks what a stranger sent against a schema. Messages are the rule that was broken, never the
 * value: a value may be a secret in the wrong place.
 */

/** A body that was read. @throws {AuthorityError} `bad_request` */
export function checkBody<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
): v.InferOutput<Schema> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest(undefined, 'The body must be a JSON object.')
  }
  return parse(schema, body)
}

/** The query of a request; a parameter may be given once. @throws {AuthorityError} `bad_request` */
export function parseQuery<Schema extends v.GenericSchema>(
  schema: Schema,
  request: Request,
): v.InferOutput<Schema> {
  const start = request.url.indexOf('?')
  const query: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of new URLSearchParams(start < 0 ? '' : request.url.slice(start))) {
    if (name in query) throw badRequest(name, `${name} may be given only once.`)
    query[name] = value
  }
  return parse(schema, query)
}

/** An id from a path. @throws {AuthorityError} of this code, as for an id that nothing has. */
export function parseId(
  kind: IdKind,
  text: string | undefined,
  missing: 'resource_not_found' | 'token_not_found' | 'api_key_not_found',
): string {
  if (text === undefined || !isId(kind, text)) throw new AuthorityError(missing)
  return text
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const parameter = v.getDotPath(issue)
  if (parameter === null) throw badRequest(undefined, `The body ${issue.message}.`)
  throw badRequest(
    parameter,
    issue.expected === 'never'
      ? `${parameter} is not a parameter of this endpoint.`
      : `${parameter} ${issue.message}.`,
  )
}

function badRequest(parameter: string | undefined, explanation: string): AuthorityError {
  return new AuthorityError('bad_request', {
    explanation,
    ...(parameter !== undefined && { parameter }),
  })
}
