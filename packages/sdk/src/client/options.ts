import {
  checkJwtOptions,
  JWT_OPTION_NAMES,
  type JwtOptions,
  keySetOf,
} from '../verify/jwt-settings.ts'
import type { KeySet } from '../verify/key-set.ts'
import { checkNames, checkTextsOrNull, checkUrl } from '../verify/options.ts'
import type { RevocationOptions } from '../verify/revocation.ts'
import { statusCheckOf } from '../verify/status-check.ts'
import type { M2MSettings } from '../verify/verifier.ts'
import {
  checkConnection,
  type Connection,
  CONNECTION_OPTION_NAMES,
  type ConnectionOptions,
} from './connection.ts'
import { checkMachineSecretKey, checkSecretKey } from './secrets.ts'

/** What a client is made with. */
export interface ClientOptions
  extends ConnectionOptions, Partial<Omit<JwtOptions, 'issuer' | keyof ConnectionOptions>> {
  /** The instance key (`sk_…`), for administering. */
  readonly secretKey?: string | undefined
  /** This machine's secret key (`ak_…`), for creating and verifying tokens. */
  readonly machineSecretKey?: string | undefined
  /** The `iss` of its JWTs, where that is not `apiUrl`. */
  readonly issuer?: string | undefined
  /**
   * The machines of which a JWT must be meant for one; `null` accepts every receiver. Default: the
   * machine of `machineSecretKey`; with `secretKey` alone, every receiver.
   */
  readonly audience?: string | readonly string[] | null | undefined
  /** How the status of a JWT is checked, that is whether it has been revoked; `null` for not at all. */
  readonly revocation?: RevocationOptions | null | undefined
}

const OPTIONS: Readonly<
  Record<Exclude<keyof ClientOptions, keyof ConnectionOptions | keyof JwtOptions>, true>
> = { audience: true, machineSecretKey: true, revocation: true, secretKey: true }

export const CLIENT_OPTION_NAMES: readonly string[] = [
  ...CONNECTION_OPTION_NAMES,
  ...JWT_OPTION_NAMES,
  ...Object.keys(OPTIONS),
]

/** Options once they are checked. Secrets stay behind functions, so that nothing prints them. */
export interface Settings extends Connection {
  readonly secretKey: () => string | undefined
  readonly machineSecretKey: () => string | undefined
  /** How JWTs are verified, but for whom they must be meant. */
  readonly jwt: Omit<M2MSettings, 'audience'>
  readonly keys: KeySet
  /** `undefined` when the key of the call decides. */
  readonly audience: readonly string[] | null | undefined
}

/**
 * @param names Those of options that are known; whoever has more than a client checks them.
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function checkOptions(
  options: ClientOptions,
  names: readonly string[] = CLIENT_OPTION_NAMES,
): Settings {
  checkNames('options', options, names)
  const connection = checkConnection(options)
  const { apiUrl, fetch } = connection
  const issuer = options.issuer === undefined ? apiUrl : checkUrl('issuer', options.issuer)
  const jwtOptions = jwtOptionsOf(options, apiUrl, { issuer, fetch, clock: options.clock })
  const jwt = checkJwtOptions(jwtOptions)
  const keys = keySetOf(jwt)
  const status = statusCheckOf(options.revocation, jwt, keys, apiUrl)
  const secretKey = checkSecretKey(options.secretKey)
  const machineSecretKey = checkMachineSecretKey(options.machineSecretKey)
  return Object.freeze({
    ...connection,
    secretKey: () => secretKey,
    machineSecretKey: () => machineSecretKey,
    jwt: { ...jwt, status },
    keys,
    audience:
      options.audience === undefined ? undefined : checkTextsOrNull('audience', options.audience),
  })
}

/** Its key set is fetched where the authority is reached, which may be by another name than its own. */
function jwtOptionsOf(
  { jwks, jwksUri, ...options }: ClientOptions,
  apiUrl: string,
  own: Pick<JwtOptions, 'issuer' | 'fetch' | 'clock'>,
): JwtOptions {
  const place = jwks === undefined ? `${apiUrl}/.well-known/jwks.json` : undefined
  return { ...options, ...own, jwks, jwksUri: jwksUri ?? place }
}
