import { countersignMiddleware, getAuth as ofAstro } from 'countersign/astro'
import { getAuth as ofNuxt, type NuxtEvent } from 'countersign/nuxt'
import { getAuth as ofReactRouter } from 'countersign/react-router'
import { getAuth as ofTanstackReactStart } from 'countersign/tanstack-react-start'
import { RouterContextProvider } from 'react-router'
import { expect, test } from 'vitest'

/** Of heavy frameworks, without an app: the error that says which line is missing. */

const M2M = { acceptsToken: 'm2m_token' } as const

test('astro says of a page that the build renders that it cannot ask, and leaves the others alone', async () => {
  const page = { locals: {}, isPrerendered: true, request: new Request('https://api.test/') }
  // Without settings, as a build is.
  const answer = countersignMiddleware({ env: {} })(
    page as never,
    async () => new Response('built'),
  )
  expect(await (await answer).text()).toBe('built')
  await expect(ofAstro(page as never, M2M)).rejects.toThrow('export const prerender = false')
})

test.each([
  ['astro', () => ofAstro({ locals: {} } as never, M2M)],
  ['nuxt', () => ofNuxt({ context: {} } as NuxtEvent, M2M)],
  ['react-router', () => ofReactRouter({ context: new RouterContextProvider() }, M2M)],
  ['tanstack-react-start', () => ofTanstackReactStart({}, M2M)],
])('%s says that its middleware is missing, and where it belongs', async (_, ask) => {
  const asked = (async () => ask())()
  await expect(asked).rejects.toMatchObject({ code: 'configuration-invalid' })
  await expect(asked).rejects.toThrow('countersignMiddleware')
})
