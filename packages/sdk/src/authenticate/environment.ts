import { isJsonObject, type JsonObject } from '../token/json.ts'
import { isJwkSet } from '../verify/jwk.ts'
import { checkNames, invalidOption } from '../verify/options.ts'
import { AUTHENTICATOR_OPTION_NAMES, type AuthenticatorOptions } from './options.ts'

/** What a middleware is made with: what is not given is read from the environment. */
export interface MiddlewareOptions extends Omit<AuthenticatorOptions, 'apiUrl'> {
  /** Where the authority is reached. Default `COUNTERSIGN_URL`. */
  readonly apiUrl?: string | undefined
  /** Where variables are read. Default `process.env`, where there is one. */
  readonly env?: Environment | undefined
}

/** Variables by name. Other members, as the bindings of a worker, are not looked at. */
export type Environment = object

/** What is read. */
export const VARIABLES = [
  'COUNTERSIGN_URL',
  'COUNTERSIGN_MACHINE_SECRET_KEY',
  'COUNTERSIGN_SECRET_KEY',
  'COUNTERSIGN_JWT_KEY',
] as const

const OPTIONS: Readonly<
  Record<Exclude<keyof MiddlewareOptions, keyof AuthenticatorOptions>, true>
> = { env: true }

/** The names of what a middleware is made with. */
export const OPTION_NAMES: readonly string[] = [
  ...AUTHENTICATOR_OPTION_NAMES,
  ...Object.keys(OPTIONS),
]

type Read = (variable: (typeof VARIABLES)[number]) => string | undefined

/**
 * The options, with what they lack from the environment; `COUNTERSIGN_JWT_KEY` is for `jwks`. A variable
 * is read only where it is needed: Deno asks for leave.
 *
 * @param own What a platform gives its handlers, before `process.env`.
 * @throws {CountersignError} `configuration-invalid`, naming the option and the variable.
 */
export function withEnvironment(given: MiddlewareOptions, own?: Environment): AuthenticatorOptions {
  checkNames('options', given, OPTION_NAMES)
  const { env, ...options } = given
  const read = readerOf(env === undefined ? [own ?? {}, processEnvironment()] : [env])
  const apiUrl = options.apiUrl || read('COUNTERSIGN_URL')
  if (apiUrl === undefined) throw invalidOption('apiUrl, or COUNTERSIGN_URL in the environment')
  // What is empty counts as not set, here as in the options of the client.
  const machineSecretKey = options.machineSecretKey || read('COUNTERSIGN_MACHINE_SECRET_KEY')
  const secretKey = options.secretKey || read('COUNTERSIGN_SECRET_KEY')
  const { audience, session, oauth, jwksUri } = options
  if ([machineSecretKey, secretKey, audience, session, oauth].every((one) => one === undefined)) {
    throw invalidOption(
      'machineSecretKey, or COUNTERSIGN_MACHINE_SECRET_KEY in the environment; or secretKey, or ' +
        'COUNTERSIGN_SECRET_KEY; or, to verify JWTs and nothing else, audience',
    )
  }
  // The instance's key verifies for every receiver, and here somebody meant to say for whom.
  if (secretKey !== undefined && machineSecretKey === undefined && isUnset(options, 'audience')) {
    throw invalidOption('audience to be a machine, or null for every receiver')
  }
  const jwks = options.jwks ?? (jwksUri === undefined ? keySetIn(read) : undefined)
  return { ...options, apiUrl, machineSecretKey, secretKey, jwks }
}

/** Whether it is named, with nothing in it. */
function isUnset<Options extends object>(options: Options, name: keyof Options): boolean {
  return name in options && options[name] === undefined
}

function readerOf(environments: readonly Environment[]): Read {
  return (variable) => {
    for (const environment of environments) {
      const value = (environment as Readonly<Record<string, unknown>>)[variable]
      if (typeof value === 'string' && value !== '') return value
      if (value !== undefined && value !== '') {
        throw invalidOption(`${variable} in the environment to be a text`)
      }
    }
    return undefined
  }
}

/** Keys that are configured and not fetched: a JWK, or a set of them. */
function keySetIn(read: Read): AuthenticatorOptions['jwks'] {
  const text = read('COUNTERSIGN_JWT_KEY')
  if (text === undefined) return undefined
  const value = parse(text)
  if (isJwkSet(value)) return value as { readonly keys: readonly JsonObject[] }
  if (isJsonObject(value) && typeof value['kty'] === 'string') return { keys: [value] }
  throw invalidOption('COUNTERSIGN_JWT_KEY in the environment to be the JSON of a JWK or a JWK Set')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** At the edge there may be no `process`; who has variables there is given them. */
function processEnvironment(): Environment {
  const { process } = globalThis as { readonly process?: { readonly env?: Environment } }
  return process?.env ?? {}
}
