import { existsSync, readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Exchange } from './recorder.ts'

/** Read where it lies; nothing of it is ours to copy. */
const DOCUMENT = new URL('../../../shared/contract/openapi-machine-auth.json', import.meta.url)

/** The operations that are not this authority's yet. */
const ELSEWHERE = /^\/oauth_applications/

/** Clerk's specification of its machine API, as something that answers can be held against. */
export interface Specification {
  /** `METHOD /path/{template} status` of every success that it documents. */
  readonly successes: readonly string[]
  /** What `exchange` is an instance of, in the same form; `null` for a path it does not have. */
  classify(exchange: Exchange): string | null
  /** How the answer departs from the specification; nothing when it does not. */
  departures(exchange: Exchange): readonly string[]
}

interface Operation {
  readonly responses: Readonly<Record<string, object>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** The specification; `null`, and a warning, where the repository stands without it. */
export function openSpecification(): Specification | null {
  if (!existsSync(DOCUMENT)) {
    console.warn(
      'SKIPPED: no answer is validated against Clerk’s OpenAPI document, ' +
        '../shared/contract/openapi-machine-auth.json is absent.',
    )
    return null
  }
  return createSpecification(JSON.parse(readFileSync(DOCUMENT, 'utf8')) as Document)
}

function createSpecification(document: Document): Specification {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema(toJsonSchema(document) as object, 'spec')
  const templates = Object.keys(document.paths)
    .filter((path) => !ELSEWHERE.test(path))
    // `/m2m_tokens/verify` before `/m2m_tokens/{id}`.
    .sort((a, b) => a.split('{').length - b.split('{').length)
  const validators = new Map<string, ValidateFunction>()
  const errors = ajv.compile({ $ref: 'spec#/components/schemas/ClerkErrors' })
  const successes: string[] = []
  for (const template of templates) {
    for (const [method, operation] of Object.entries(document.paths[template] ?? {})) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const key = `${method.toUpperCase()} ${template} ${status}`
        validators.set(key, ajv.compile({ $ref: pointerTo(template, method, status, response) }))
        if (status.startsWith('2')) successes.push(key)
      }
    }
  }

  const classify = (exchange: Exchange): string | null => {
    const template = templates.find((candidate) => matches(candidate, pathOf(exchange.target)))
    return template === undefined ? null : `${exchange.method} ${template} ${exchange.status}`
  }

  return {
    successes,
    classify,
    departures(exchange) {
      const key = classify(exchange)
      // A refusal the document does not list, on a path or not, still has the shape of all refusals.
      const validate = validators.get(key ?? '') ?? (exchange.status >= 400 ? errors : undefined)
      if (validate === undefined) return key === null ? [] : [`${key} is not documented`]
      return validate(JSON.parse(exchange.body)) ? [] : (validate.errors ?? []).map(explain)
    },
  }
}

function pointerTo(template: string, method: string, status: string, response: object): string {
  const at =
    '$ref' in response && typeof response.$ref === 'string'
      ? response.$ref.slice(1)
      : `/paths/${escape(template)}/${method}/responses/${status}`
  return `spec#${at}/content/application~1json/schema`
}

function escape(segment: string): string {
  return encodeURIComponent(segment.replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** OpenAPI 3.0 to JSON Schema: `nullable` and boolean `exclusiveMinimum` mean nothing to the latter. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema)
  if (typeof value !== 'object' || value === null) return value
  const { nullable, exclusiveMinimum, ...rest } = value as Record<string, unknown>
  const schema = Object.fromEntries(
    Object.entries(rest).map(([name, member]) => [name, toJsonSchema(member)]),
  )
  if (nullable === true && typeof schema['type'] === 'string') {
    schema['type'] = [schema['type'], 'null']
  }
  // A request may name a `scim_` subject; the document forgets it in the answers.
  if (schema['pattern'] === '^(user|org|mch)_\\w{27}$') {
    schema['pattern'] = '^(user|org|mch|scim)_\\w{27}$'
  }
  if (exclusiveMinimum === true) {
    schema['exclusiveMinimum'] = schema['minimum']
    delete schema['minimum']
  }
  return schema
}

/** Without the query and what a base URL may add before it. */
function pathOf(target: string): string {
  return target.replace(/[?#].*$/, '').replace(/^(\/clerk)?(\/v1)*/, '')
}

function matches(template: string, path: string): boolean {
  return new RegExp(`^${template.replace(/\{[^}]*\}/g, '[^/]+')}$`).test(path)
}

function explain({ instancePath, message = '', params }: ErrorObject): string {
  return `${instancePath === '' ? 'the body' : instancePath} ${message} ${JSON.stringify(params)}`
}
