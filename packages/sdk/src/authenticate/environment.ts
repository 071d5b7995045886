import { isJsonObject, type JsonObject, parseJsonObject } from '../token/json.ts'
import { isJwkSet } from '../verify/jwk.ts'
import { invalidOption } from '../verify/options.ts'
import type { AuthenticatorOptions } from './options.ts'

/** What a middleware is made with: what is not given is read from the environment. */
export interface MiddlewareOptions extends Omit<AuthenticatorOptions, 'apiUrl'> {
  /** Where the authority is reached. Default `COUNTERSIGN_URL`. */
  readonly apiUrl?: string | undefined
  /** Where variables are read. Default `process.env`, where there is one. */
  readonly env?: Environment | undefined
}

/** Variables by name. Other members, as the bindings of a worker, are not looked at. */
export type Environment = object

/**
 * The options, with what they lack from the environment: `COUNTERSIGN_URL`,
 * `COUNTERSIGN_MACHINE_SECRET_KEY`, `COUNTERSIGN_SECRET_KEY`, and `COUNTERSIGN_JWT_KEY` for `jwks`. A
 * variable is read only where it is needed: Deno asks for leave.
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option and the variable.
 */
export function withEnvironment(given: MiddlewareOptions): AuthenticatorOptions {
  const value: unknown = given
  if (!isJsonObject(value)) throw invalidOption('options to be an object')
  const { env = processEnvironment(), ...options } = given
  const apiUrl = orVariable(options.apiUrl, env, 'COUNTERSIGN_URL')
  if (apiUrl === undefined) throw invalidOption('apiUrl, or COUNTERSIGN_URL in the environment')
  const machineSecretKey = orVariable(
    options.machineSecretKey,
    env,
    'COUNTERSIGN_MACHINE_SECRET_KEY',
  )
  const secretKey = orVariable(options.secretKey, env, 'COUNTERSIGN_SECRET_KEY')
  const { audience, session, oauth, jwksUri } = options
  if ([machineSecretKey, secretKey, audience, session, oauth].every((one) => one === undefined)) {
    throw invalidOption(
      'machineSecretKey, or COUNTERSIGN_MACHINE_SECRET_KEY in the environment; or secretKey, or ' +
        'COUNTERSIGN_SECRET_KEY; or, to verify JWTs and nothing else, audience',
    )
  }
  const jwks = options.jwks ?? (jwksUri === undefined ? keySetIn(env) : undefined)
  return { ...options, apiUrl, machineSecretKey, secretKey, jwks }
}

/** What is empty counts as not set, in both places. */
function orVariable(given: string | undefined, env: Environment, name: string): string | undefined {
  if (given !== undefined && given !== '') return given
  const value = (env as Readonly<Record<string, unknown>>)[name]
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw invalidOption(`${name} in the environment to be a text`)
}

/** Keys that are configured and not fetched: a JWK, or a set of them. */
function keySetIn(env: Environment): AuthenticatorOptions['jwks'] {
  const text = orVariable(undefined, env, 'COUNTERSIGN_JWT_KEY')
  if (text === undefined) return undefined
  const value = parseJsonObject(text)
  if (isJwkSet(value)) return value as { readonly keys: readonly JsonObject[] }
  if (typeof value?.['kty'] === 'string') return { keys: [value] }
  throw invalidOption('COUNTERSIGN_JWT_KEY in the environment to be the JSON of a JWK or a JWK Set')
}

/** At the edge there may be no `process`; who has variables there is given them. */
function processEnvironment(): Environment {
  const { process } = globalThis as { readonly process?: { readonly env?: Environment } }
  return process?.env ?? {}
}
