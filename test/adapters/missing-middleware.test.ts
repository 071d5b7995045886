import * as ofAstro from 'countersign/astro'
import * as ofNuxt from 'countersign/nuxt'
import * as ofReactRouter from 'countersign/react-router'
import * as ofTanstackReactStart from 'countersign/tanstack-react-start'
import { RouterContextProvider } from 'react-router'
import { describe, expect, test } from 'vitest'

/** Of heavy frameworks, without an app: the error that says which line is missing. */

const M2M = { acceptsToken: 'm2m_token' } as const

const request = new Request('https://app.test/')
const ofLocals: ofAstro.ContextWithLocals = { request, locals: {} as App.Locals }
const event: ofNuxt.NuxtEvent = { req: request, context: {} }
const args: ofReactRouter.ArgsWithContext = { request, context: new RouterContextProvider() }

/** Whatever a guard would have let through must not be reached. */
const handler = (): never => {
  throw new Error('reached')
}

/** What Start calls of a guard. */
const guardOfStart = (): unknown => {
  const { server } = ofTanstackReactStart.requireMachine().options as unknown as {
    readonly server: (call: object) => unknown
  }
  return server({ request, context: {}, next: handler })
}

const ADAPTERS: Readonly<
  Record<string, { readonly getAuth: () => unknown; readonly guard: () => unknown }>
> = {
  astro: {
    getAuth: () => ofAstro.getAuth(ofLocals, M2M),
    guard: () => ofAstro.requireMachine()(handler)(ofLocals),
  },
  nuxt: {
    getAuth: () => ofNuxt.getAuth(event, M2M),
    guard: () => ofNuxt.requireMachine()<ofNuxt.NuxtEvent>(handler)(event),
  },
  'react-router': {
    getAuth: () => ofReactRouter.getAuth(args, M2M),
    guard: () => ofReactRouter.requireMachine()(args, handler),
  },
  'tanstack-react-start': {
    getAuth: () => ofTanstackReactStart.getAuth({}, M2M),
    guard: guardOfStart,
  },
}

test('astro says of a page that the build renders that it cannot ask, and leaves the others alone', async () => {
  const page: ofAstro.ContextWithLocals = { request, locals: {} as App.Locals, isPrerendered: true }
  // Without settings, as a build is.
  const answer = ofAstro.countersignMiddleware({ env: {} })(page, async () => new Response('built'))
  expect(await (await answer).text()).toBe('built')
  await expect(ofAstro.getAuth(page, M2M)).rejects.toThrow('export const prerender = false')
})

describe.each(Object.entries(ADAPTERS))('%s', (_, ways) => {
  test.each(Object.entries(ways))(
    '%s says that the middleware is missing, and where it belongs',
    async (_name, ask) => {
      const asked = (async () => ask())()
      await expect(asked).rejects.toMatchObject({ code: 'configuration-invalid' })
      await expect(asked).rejects.toThrow(/countersignMiddleware\(\).*, in (src|server|app)\//)
    },
  )
})
