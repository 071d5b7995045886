import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { testAdapter } from '../adapters/cases.ts'
import { createSetting, expectAnswers, startExample } from '../examples/support.ts'
import { build, ENVIRONMENT } from './apps.ts'

/** The adapters of heavy frameworks, each in an app that is built and started as its users do. */

const { dependencies } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
) as { readonly dependencies: Readonly<Record<string, string>> }

const FRAMEWORKS = {
  astro: 'astro',
  nextjs: 'next',
  nuxt: 'nuxt',
  'react-router': 'react-router',
  'tanstack-react-start': '@tanstack/react-start',
} as const

describe.each(Object.entries(FRAMEWORKS))('%s', (name, module) => {
  let folder: string
  beforeAll(async () => {
    folder = await build(name)
  })

  const start = (env: Readonly<Record<string, string>>) =>
    startExample('npm', ['start'], folder, { ...ENVIRONMENT, ...env })

  test('the example starts as documented, and lets in who may come in', async () => {
    await using setting = await createSetting()
    await using app = await start(setting.env)
    await expectAnswers(app, setting, true)
    if (name !== 'nextjs') return
    await expectMoreOfNext(app.url, await setting.mint('worker', 'jwt'), setting)
  })

  testAdapter(
    `${module} ${dependencies[module] ?? ''}`,
    async ({ env }) => {
      const app = await start(env)
      return { url: app.url, close: async () => app[Symbol.asyncDispose]() }
    },
    { hasClock: false, showsBothHeaders: name === 'nuxt' || name === 'tanstack-react-start' },
  )
})

/** Who is nobody at the edge, the proxy, and a server component. */
async function expectMoreOfNext(
  url: string,
  token: string,
  { env }: { readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const edge = await fetch(`${url}/edge`, { headers })
  expect([edge.status, await edge.json()]).toEqual([
    200,
    { subject: env['WORKER_ID'], runtime: 'edge' },
  ])
  expect((await fetch(`${url}/edge`)).status).toBe(401)
  expect((await fetch(`${url}/proxied`, { headers })).status).toBe(200)
  const refused = await fetch(`${url}/proxied`, { redirect: 'manual' })
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  expect(await (await fetch(`${url}/page-of-machine`, { headers })).text()).toContain(
    env['WORKER_ID'],
  )
  expect(await (await fetch(`${url}/page-of-machine`)).text()).toContain('nobody')
}
