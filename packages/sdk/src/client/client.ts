import { type ApiKeysApi, createApiKeysApi } from './api-keys.ts'
import { type AuditLogApi, createAuditLogApi } from './audit-log.ts'
import { createM2MApi, type M2MApi } from './m2m.ts'
import { createMachinesApi, type MachinesApi } from './machines.ts'
import { createIdPOAuthAccessTokenApi, type IdPOAuthAccessTokenApi } from './oauth-access-tokens.ts'
import { checkOptions, type ClientOptions } from './options.ts'
import { required } from './request.ts'
import { checkMachineSecretKey } from './secrets.ts'
import { createSigningKeysApi, type SigningKeysApi } from './signing-keys.ts'
import { createSend } from './transport.ts'
import type { TokenSourceParams } from './token-source/options.ts'
import { openTokenSource, type TokenSource } from './token-source/token-source.ts'
import type { JwkSet, WithMachineSecretKey } from './types.ts'
import { createWebhooksApi, type WebhooksApi } from './webhooks.ts'
import { toJwkSet } from './wire.ts'

/** The key set of the instance, by its key. */
export interface JwksApi {
  getJwks(): Promise<JwkSet>
}

/** Calls to one authority. */
export interface Client {
  readonly machines: MachinesApi
  readonly m2m: M2MApi
  readonly apiKeys: ApiKeysApi
  readonly idPOAuthAccessToken: IdPOAuthAccessTokenApi
  readonly jwks: JwksApi
  readonly signingKeys: SigningKeysApi
  /** Of a Countersign authority only. */
  readonly auditLog: AuditLogApi
  /** Of a Countersign authority only. */
  readonly webhooks: WebhooksApi
  /** Gives live tokens and presents them. Needs a machine's secret key. @throws `configuration-invalid` */
  readonly tokenSource: (params?: TokenSourceParams & WithMachineSecretKey) => TokenSource
}

/**
 * Makes a client of an authority: a Countersign authority, or Clerk's Backend API, whose machine half
 * has the same wire.
 *
 * ```ts
 * const countersign = createClient({ apiUrl: 'http://127.0.0.1:4100', machineSecretKey })
 * const { subject } = await countersign.m2m.verify({ token })
 * ```
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createClient(options: ClientOptions): Client {
  const settings = checkOptions(options)
  const send = createSend(settings)
  return Object.freeze({
    machines: createMachinesApi(settings, send),
    m2m: createM2MApi(settings, send),
    apiKeys: createApiKeysApi(settings, send),
    idPOAuthAccessToken: createIdPOAuthAccessTokenApi(settings, send),
    signingKeys: createSigningKeysApi(settings, send),
    auditLog: createAuditLogApi(settings, send),
    webhooks: createWebhooksApi(settings, send),
    tokenSource(params: TokenSourceParams & WithMachineSecretKey = {}) {
      const own = checkMachineSecretKey(params.machineSecretKey)
      return openTokenSource(settings, own ?? settings.machineSecretKey(), params)
    },
    jwks: Object.freeze({
      async getJwks() {
        const secret = required(settings.secretKey(), 'secretKey')
        const path = '/jwks'
        const call = { method: 'GET', path, secret, success: 200, repeatable: true } as const
        return toJwkSet(await send(call))
      },
    }),
  })
}
