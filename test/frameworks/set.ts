import { beforeAll, describe, expect, test } from 'vitest'
import { testAdapter } from '../adapters/cases.ts'
import { createSetting, expectAnswers, startExample } from '../examples/support.ts'
import {
  build,
  compile,
  environmentOf,
  FRAMEWORKS,
  missing,
  type SetName,
  versionsOf,
} from './apps.ts'

/** The adapters of the heavy frameworks of a set, each in an app that is built and started as its users do. */
export function testSet(set: SetName): void {
  const why = missing(set)
  const versions = versionsOf(set)
  const frameworks = Object.entries(FRAMEWORKS).filter(([, module]) => module in versions)

  if (why !== null) {
    test(`${set} is here`, ({ skip }) => {
      // On a machine of CI it must be.
      if (process.env['CI'] === 'true') expect.fail(why)
      skip(`SKIPPED: ${why}`)
    })
  }

  test.skipIf(why !== null)(`the types of the adapters fit what is in ${set}`, async () => {
    await expect(compile(set)).resolves.toBeUndefined()
  })

  describe.skipIf(why !== null).each(frameworks)(`%s of ${set}`, (name, module) => {
    let folder: string
    beforeAll(async () => {
      folder = await build(set, name)
    })

    const start = (env: Readonly<Record<string, string>>) =>
      startExample('npm', ['start'], folder, { ...environmentOf(set), ...env })

    test('the example starts as documented, and lets in who may come in', async () => {
      await using setting = await createSetting()
      await using app = await start(setting.env)
      await expectAnswers(app, setting, true)
      await MORE[name]?.(app.url, await setting.mint('worker', 'jwt'), setting)
    })

    const named = `${module} ${versions[module] ?? ''}`
    const testBelow = (path: string, title: string, showsBothHeaders: boolean): void => {
      testAdapter(
        title,
        async ({ env }) => {
          const app = await start(env)
          return { url: app.url + path, close: async () => app[Symbol.asyncDispose]() }
        },
        { hasClock: false, showsBothHeaders },
      )
    }
    testBelow('', named, name === 'nuxt' || name === 'tanstack-react-start')
    if (name === 'nextjs') testBelow('/api', `${named}, in its pages router`, true)
  })
}

/** What else each framework has: where callers could be mistaken for one another, and its build. */
const MORE: Readonly<Record<string, typeof expectMoreOfNext>> = {
  astro: async (url) => {
    expect(await answer(`${url}/prerendered`)).toEqual([200, { ok: true }])
  },
  nextjs: expectMoreOfNext,
  nuxt: async (url, token, { env }) => {
    expect(await answer(`${url}/prerendered`)).toEqual([200, { ok: true }])
    // The guard is around the cache, which then has an answer for the next.
    const mine = [200, { kept: true, subject: env['WORKER_ID'] }]
    expect(await answer(`${url}/guarded-cache`, token)).toEqual(mine)
    expect((await fetch(`${url}/guarded-cache`)).status).toBe(401)
    expect(await answer(`${url}/guarded-cache`, token)).toEqual(mine)
    // The cache is around the guard, or around who asks: nobody is answered, and nothing is kept.
    for (const path of ['/cached', '/cached/asks', '/cached/by-rule']) {
      for (const caller of [token, undefined]) {
        const [status, body] = await answer(url + path, caller)
        expect([path, status, JSON.stringify(body)]).toEqual([
          path,
          500,
          expect.not.stringContaining(env['WORKER_ID'] ?? ''),
        ])
      }
    }
  },
}

async function answer(url: string, token?: string): Promise<readonly [number, unknown]> {
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
  const response = await fetch(url, { headers })
  return [response.status, await response.json()]
}

/**
 * Who is nobody at the edge, the proxy, a server component and a server action, by a request of the
 * handler's own, and in the pages router.
 */
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
  expect(await submit(`${url}/form`, headers)).toBe(`/public?orderedBy=${env['WORKER_ID'] ?? ''}`)
  expect(await submit(`${url}/form`, {})).toBe('/public?refused')
  expect(await answer(`${url}/api/orders`, token)).toEqual([
    200,
    { machineId: env['WORKER_ID'], scopes: [expect.stringMatching(/^mch_/)] },
  ])
  expect((await fetch(`${url}/api/orders`)).status).toBe(401)
  const page = await fetch(`${url}/props-of-machine`, { headers })
  expect([page.status, await page.text()]).toEqual([
    200,
    expect.stringContaining(`<p>${env['WORKER_ID'] ?? ''}</p>`),
  ])
  expect((await fetch(`${url}/props-of-machine`)).status).toBe(401)
  // Next has nothing to go by there: nobody is let in, and the page says so.
  expect((await fetch(`${url}/api/edge`, { headers })).status).toBe(500)
  const ids = [env['WORKER_ID'], env['WORKER_ID'], null, null, null]
  expect(await answer(`${url}/another`, token)).toEqual([200, { subjects: ids }])
}

/** Sends the form of a page to its server action, as a browser without scripts does, and tells where that leads. */
async function submit(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const [, action = ''] = /name="(\$ACTION_ID_\w+)"/.exec(await (await fetch(url)).text()) ?? []
  const body = new FormData()
  body.set(action, '')
  const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual' })
  return answer.headers.get('location') ?? `${answer.status}`
}
