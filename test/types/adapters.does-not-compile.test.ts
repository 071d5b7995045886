import * as ofAstro from 'countersign/astro'
import * as ofExpress from 'countersign/express'
import * as ofFastify from 'countersign/fastify'
import * as ofH3 from 'countersign/h3'
import * as ofHono from 'countersign/hono'
import * as ofNextjs from 'countersign/nextjs'
import * as ofNode from 'countersign/node'
import * as ofNuxt from 'countersign/nuxt'
import * as ofReactRouter from 'countersign/react-router'
import * as ofTanstackReactStart from 'countersign/tanstack-react-start'
import * as ofWorkers from 'countersign/workers'
import { describe, expect, test } from 'vitest'

/** What must not compile with any adapter: see does-not-compile.test.ts. */

const ADAPTERS = {
  ofAstro,
  ofExpress,
  ofFastify,
  ofH3,
  ofHono,
  ofNextjs,
  ofNode,
  ofNuxt,
  ofReactRouter,
  ofTanstackReactStart,
  ofWorkers,
}

describe.each(Object.entries(ADAPTERS))('the guards of countersign/%s', (_, adapter) => {
  const { requireAuth, requireMachine } = adapter
  const MISTAKES: Readonly<Record<string, () => unknown>> = {
    // @ts-expect-error -- the classes that may pass are said
    'of no class of token': () => requireAuth(),

    // @ts-expect-error -- the classes that may pass are said
    'of options without a class': () => requireAuth({}),

    // @ts-expect-error -- the classes are those of TokenType
    'of a class that does not exist': () => requireAuth({ acceptsToken: 'machine_token' }),

    // @ts-expect-error -- an unset variable must not become every machine
    'of machines that are undefined': () => requireMachine({ from: undefined }),

    // @ts-expect-error -- ids are several
    'of one text': () => requireMachine({ from: 'mch_1' }),

    // @ts-expect-error -- a misspelt option must not let everybody pass
    'of an option that does not exist': () => requireMachine({ form: ['mch_1'] }),
  }

  test.each(Object.entries(MISTAKES))('%s are refused when they are made, too', (_name, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
  })
})

describe('of the heavy frameworks', () => {
  const request = new Request('https://api.test/')
  const refused = expect.objectContaining({ code: 'configuration-invalid' }) as Error

  test('what is no context of theirs cannot be asked', async () => {
    const MISTAKES: readonly (() => unknown)[] = [
      // @ts-expect-error -- the context of an endpoint, and not its request
      () => ofAstro.getAuth(request),
      // @ts-expect-error -- the event, and not its request
      () => ofNuxt.getAuth(request),
      // @ts-expect-error -- the arguments of a loader, and not its request
      () => ofReactRouter.getAuth(request),
      // @ts-expect-error -- a request, and not the context of a route
      () => ofNextjs.getAuth({ params: {} }),
    ]
    for (const ask of MISTAKES) await expect((async () => ask())()).rejects.toThrow()
  })

  test('options are those that exist, and a machine is not left out by an unset variable', () => {
    // @ts-expect-error -- a misspelt option must not leave the environment's in force
    const misspelt = () => ofNextjs.createCountersign({ apiURL: 'https://authority.test' })
    // @ts-expect-error -- an unset variable must not become every machine
    const unset = () => ofNextjs.createCountersign().requireMachine({ from: process.env['ID'] })
    expect(misspelt).not.toThrow()
    expect(unset).toThrow(refused)
  })
})

test('fields of another class, or of nobody, cannot be read', async () => {
  const handler = ofWorkers.withCountersign(
    async (request: Request) => {
      const auth = await ofWorkers.getAuth(request, { acceptsToken: 'm2m_token' })
      // @ts-expect-error -- a machine is no user
      expect(auth.userId).toBeUndefined()
      // @ts-expect-error -- nobody has no scopes: it takes the check of isAuthenticated
      expect(() => auth.scopes.length).toThrow(TypeError)
      // @ts-expect-error -- a promise has no such field: getAuth is awaited
      expect(ofWorkers.getAuth(request).isAuthenticated).toBeUndefined()
      return new Response()
    },
    { apiUrl: 'https://authority.test', audience: null, env: {} },
  )
  await handler(new Request('https://api.test/'))
  expect.assertions(3)
})
