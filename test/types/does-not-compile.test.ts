import { authenticateRequest, createAuthenticator } from 'countersign'
import { protectMcpServer } from 'countersign/mcp-server'
import { createVerifier } from 'countersign/verify'
import { expect, test } from 'vitest'

/**
 * What must not compile: `npm run types` checks this file, and there a line below `@ts-expect-error`
 * that has no error is one. Whoever writes JavaScript is told the same at run time, as vitest sees.
 */

const issuer = 'https://authority.test'
const OPTIONS = { apiUrl: issuer, secretKey: 'sk_test_1', jwks: { keys: [] } }
const request = new Request('https://api.test/')

const MISTAKES: Readonly<Record<string, () => unknown>> = {
  'a verifier without audience': () =>
    // @ts-expect-error -- who accepts every receiver must say so: audience: null
    createVerifier({ issuer }),

  'a verifier whose audience is undefined': () =>
    // @ts-expect-error -- an unset variable must not become every receiver
    createVerifier({ issuer, audience: undefined }),

  'a verifier without issuer': () =>
    // @ts-expect-error -- a key belongs to one issuer
    createVerifier({ audience: null }),

  'a verifier with a symmetric algorithm': () =>
    // @ts-expect-error -- whoever could verify could also sign
    createVerifier({ issuer, audience: null, algorithms: ['HS256'] }),

  'a verifier that is told to check the status': () =>
    // @ts-expect-error -- it always is; null alone turns it off
    createVerifier({ issuer, audience: null, revocation: false }),

  'a session without audience': () =>
    createAuthenticator({
      ...OPTIONS,
      // @ts-expect-error -- who accepts every receiver must say so: audience: null
      session: { issuer, authorizedParties: null },
    }),

  'a session without authorizedParties': () =>
    createAuthenticator({
      ...OPTIONS,
      // @ts-expect-error -- who accepts every party must say so: authorizedParties: null
      session: { issuer, audience: null },
    }),

  'an MCP server that accepts every receiver': () =>
    // @ts-expect-error -- a token must have been issued for this server
    protectMcpServer({ resource: issuer, apiUrl: issuer, audience: null }),

  'OAuth access tokens without audience': () =>
    createAuthenticator({
      ...OPTIONS,
      // @ts-expect-error -- who accepts every receiver must say so: audience: null
      oauth: { issuer },
    }),

  'an authenticator without the place of its authority': () =>
    // @ts-expect-error -- there is no default authority
    createAuthenticator({ secretKey: 'sk_test_1' }),

  'a class of token that does not exist': () =>
    // @ts-expect-error -- the classes are those of TokenType
    authenticateRequest(request, { ...OPTIONS, acceptsToken: 'machine_token' }),

  'a class of token that does not exist, among others': () =>
    // @ts-expect-error -- the classes are those of TokenType
    authenticateRequest(request, { ...OPTIONS, acceptsToken: ['m2m_token', 'any'] }),
}

test.each(Object.entries(MISTAKES))('%s is refused at run time too', async (_, make) => {
  await expect(async () => make()).rejects.toMatchObject({ code: 'configuration-invalid' })
})

test('fields of another class, or of nobody, cannot be read', async () => {
  const state = await authenticateRequest(request, { ...OPTIONS, acceptsToken: 'm2m_token' })
  const auth = state.toAuth()
  // @ts-expect-error -- a machine is no user
  expect(auth.userId).toBeUndefined()
  // @ts-expect-error -- only a state that is signed out has an answer to the caller
  expect(state.toResponse).toBeTypeOf('function')

  const either = await authenticateRequest(request, {
    ...OPTIONS,
    acceptsToken: ['api_key', 'm2m_token'],
  })
  const { scopes } = either.toAuth()
  // @ts-expect-error -- nobody has no scopes: it takes the check of isAuthenticated
  expect(() => scopes.length).toThrow(TypeError)
  // @ts-expect-error -- the fields of a state are there to be read
  expect(() => (either.tokenType = 'api_key')).toThrow(TypeError)
})
