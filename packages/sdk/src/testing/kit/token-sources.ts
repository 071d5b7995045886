import type { Client } from '../../client/client.ts'
import type { TestIssuer } from './issuer.ts'
import type { OAuthTokens } from './oauth-tokens.ts'
import type { TestFetch } from './network.ts'
import type { Sign } from './forge.ts'

/** Where the tokens of a test authority come from. */
export interface TokenSources {
  readonly now: () => number
  readonly secretKey: string
  /** With the instance key, past everything that goes wrong. */
  readonly client: Client
  /** The same for other keys. */
  readonly connection: TestConnection
  /** Carries out `work`, which has a connection of its own, while the engine lives at another time. */
  readonly at: <Result>(
    nowMs: number,
    work: (then: TestConnection) => Promise<Result>,
  ) => Promise<Result>
  readonly sign: Sign
  readonly oauthTokens: OAuthTokens
  readonly sessions: () => Promise<TestIssuer>
  readonly accessJwts: () => Promise<TestIssuer>
  readonly session: TestSessionIssuer
  readonly oauth: TestOAuthIssuer
  /** Credentials of another authority. */
  readonly stranger: () => Promise<Stranger>
}

/** How an authority is reached: options of everything that reaches one. */
export interface TestConnection {
  readonly apiUrl: string
  readonly fetch: TestFetch
  readonly clock: () => number
}

/** The option `session` of an authenticator. */
export interface TestSessionIssuer {
  readonly issuer: string
  readonly audience: string
  readonly authorizedParties: readonly string[]
}

/** The option `oauth` of an authenticator. */
export interface TestOAuthIssuer {
  readonly issuer: string
  readonly audience: string
}

export interface Stranger {
  m2m(options: object): Promise<string>
  apiKey(options: object): Promise<string>
}
