import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createMiddleware, createStart } from '@tanstack/react-start'
import type { Auth, M2MAuth, RequestAuth } from 'countersign'
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
import express, { type Request as ExpressRequest } from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import { H3, type H3Event } from 'h3'
import { type Context, Hono } from 'hono'
import type { LoaderFunctionArgs, MiddlewareFunction } from 'react-router'
import { describe, expect, expectTypeOf, test } from 'vitest'

/** What must compile with each adapter: see compiles.test.ts. */

const OPTIONS = { apiUrl: 'https://authority.test', secretKey: 'sk_test_1', env: {} }
const M2M = { acceptsToken: 'm2m_token' } as const

type Nobody = Auth<'m2m_token', never>

describe('getAuth narrows by the classes that are asked for', () => {
  test('in each adapter, from the context that its framework hands out', () => {
    const ways = {
      astro: (context: ofAstro.ContextWithLocals) => ofAstro.getAuth(context, M2M),
      express: (request: ExpressRequest) => ofExpress.getAuth(request, M2M),
      fastify: (request: FastifyRequest) => ofFastify.getAuth(request, M2M),
      h3: (event: H3Event) => ofH3.getAuth(event, M2M),
      hono: (c: Context) => ofHono.getAuth(c, M2M),
      nextjs: (request: Request) => ofNextjs.getAuth(request, M2M),
      nextjsHere: () => ofNextjs.auth(M2M),
      node: (request: IncomingMessage) => ofNode.getAuth(request, M2M),
      nuxt: (event: ofNuxt.NuxtEvent) => ofNuxt.getAuth(event, M2M),
      reactRouter: (args: ofReactRouter.ArgsWithContext) => ofReactRouter.getAuth(args, M2M),
      tanstack: () => ofTanstackReactStart.auth(M2M),
      workers: (request: Request) => ofWorkers.getAuth(request, M2M),
    }
    type Found = Awaited<ReturnType<(typeof ways)[keyof typeof ways]>>
    expectTypeOf<Found>().toEqualTypeOf<Nobody>()
    const read = (auth: Found): string => {
      expectTypeOf(auth.machineId).toEqualTypeOf<string | null>()
      if (!auth.isAuthenticated) return ''
      expectTypeOf(auth).toExtend<M2MAuth>()
      return auth.machineId
    }
    expect([Object.keys(ways).length, read]).toEqual([12, expect.any(Function)])
  })

  test('for one, several, any, and for a session when none is named', () => {
    const { getAuth } = ofWorkers
    const read = async (request: Request): Promise<void> => {
      const several = await getAuth(request, { acceptsToken: ['m2m_token', 'api_key'] })
      expectTypeOf(several).toEqualTypeOf<Auth<'m2m_token' | 'api_key'>>()
      const { userId, machineId, isAuthenticated, scopes } = several
      expectTypeOf(userId).toEqualTypeOf<string | null | undefined>()
      expectTypeOf(machineId).toEqualTypeOf<string | null | undefined>()
      if (isAuthenticated) expectTypeOf(scopes).toEqualTypeOf<string[]>()
      const any = await getAuth(request, { acceptsToken: 'any' })
      expectTypeOf(any.tokenType).toEqualTypeOf<
        'm2m_token' | 'api_key' | 'oauth_token' | 'session_token'
      >()
      const session = await getAuth(request)
      expectTypeOf(session).toEqualTypeOf<Auth<'session_token', never>>()
    }
    expect(read).toBeTypeOf('function')
  })
})

test('the context of each framework is augmented', () => {
  expectTypeOf<ExpressRequest['countersign']>().toEqualTypeOf<RequestAuth | undefined>()
  expectTypeOf<FastifyRequest['countersign']>().toEqualTypeOf<RequestAuth | undefined>()
  expectTypeOf<H3Event['context']['countersign']>().toEqualTypeOf<RequestAuth | undefined>()
  expectTypeOf<App.Locals['countersign']>().toEqualTypeOf<RequestAuth | undefined>()
  const read = (c: Context) => c.get('countersign')
  expectTypeOf(read).returns.toEqualTypeOf<RequestAuth | undefined>()
  const state = (request: ExpressRequest) => request.countersign?.authenticate(M2M)
  const ofAstroPage = ({ auth }: App.Locals) => auth(M2M)
  const ofNuxtEvent = ({ context }: H3Event) => context.auth(M2M)
  expectTypeOf(ofAstroPage).returns.resolves.toEqualTypeOf<Nobody>()
  expectTypeOf(ofNuxtEvent).returns.resolves.toEqualTypeOf<Nobody>()
  expect([read, state, ofAstroPage, ofNuxtEvent]).toHaveLength(4)
})

describe('middleware, guards and handlers fit where their framework takes them', () => {
  test('express, also behind a typed route and in a router', () => {
    const app = express()
    app.use(ofExpress.countersignMiddleware(OPTIONS))
    app.get('/orders/:id', ofExpress.requireMachine(), async (req, res) => {
      expectTypeOf(req.params.id).toEqualTypeOf<string>()
      const { machineId } = await ofExpress.getAuth(req, M2M)
      res.json({ machineId })
    })
    app.use('/all', ofExpress.requireAuth({ acceptsToken: 'any' }), express.Router())
    expect(app).toBeTypeOf('function')
  })

  test('fastify, as any hook of a route, one or several', async () => {
    const app = fastify()
    await app.register(ofFastify.countersignPlugin, OPTIONS)
    const guard = ofFastify.requireAuth({ acceptsToken: ['m2m_token'] })
    app.get<{ Params: { id: string } }>('/orders/:id', { onRequest: guard }, async (request) => {
      expectTypeOf(request.params.id).toEqualTypeOf<string>()
      return ofFastify.getAuth(request, M2M)
    })
    app.get('/both', { onRequest: [guard], preHandler: [guard] }, () => 'both')
    app.addHook('onRequest', guard)
    await app.ready()
  })

  test('hono, with the bindings and variables of an app', () => {
    const app = new Hono<{ Bindings: { KV: string }; Variables: { own: number } }>()
    app.use(ofHono.countersignMiddleware(OPTIONS))
    app.get('/orders/:id', ofHono.requireMachine(), async (c) => {
      expectTypeOf(c.env.KV).toEqualTypeOf<string>()
      expectTypeOf(c.get('own')).toEqualTypeOf<number>()
      expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
      const { machineId } = await ofHono.getAuth(c, M2M)
      return c.json({ machineId })
    })
    expect(app).toBeTypeOf('object')
  })

  test('h3', () => {
    const app = new H3()
    app.use(ofH3.countersignMiddleware(OPTIONS))
    app.use('/all/**', ofH3.requireMachine())
    app.get('/orders', async (event) => ofH3.getAuth(event, M2M), {
      middleware: [ofH3.requireMachine()],
    })
    expect(app).toBeTypeOf('object')
  })

  test('node, for HTTP/1 and HTTP/2, without a word about types', () => {
    const { requireMachine, withCountersign } = ofNode
    const servers = [
      createServer(
        withCountersign((req, res) => {
          expectTypeOf(req).toExtend<IncomingMessage>()
          res.end(req.url)
        }, OPTIONS),
      ),
      createServer(
        withCountersign(
          requireMachine()((_, res) => res.end()),
          OPTIONS,
        ),
      ),
      createHttp2Server(
        withCountersign(
          requireMachine()((_, res) => res.end()),
          OPTIONS,
        ),
      ),
    ]
    expect(servers).toHaveLength(3)
  })

  test('workers, with the arguments of their platform', () => {
    interface Env {
      readonly KV: string
    }
    const { requireMachine, withCountersign } = ofWorkers
    const worker = {
      fetch: withCountersign(
        requireMachine()(async (request: Request, env: Env, ctx: { id: string }) => {
          const { machineId } = await ofWorkers.getAuth(request, M2M)
          return new Response(`${machineId ?? ''} ${env.KV} ${ctx.id}`)
        }),
      ),
    }
    expectTypeOf(worker.fetch).parameters.toEqualTypeOf<[Request, Env, { id: string }]>()
    const alone = withCountersign((request) => new Response(request.url))
    expectTypeOf(alone).parameters.toEqualTypeOf<[Request]>()
    expect([worker, alone]).toHaveLength(2)
  })

  test('nextjs, around a route handler with its parameters, the proxy, and what is Node’s in the pages router', () => {
    const { getAuth, requireAuth, requireMachine } = ofNextjs.createCountersign(OPTIONS)
    interface Route {
      readonly params: Promise<{ readonly id: string }>
    }
    const GET = requireMachine()(async (request: Request, { params }: Route) => {
      const { machineId } = await getAuth(request, M2M)
      return Response.json({ machineId, id: (await params).id })
    })
    expectTypeOf(GET).toEqualTypeOf<(request: Request, route: Route) => Promise<Response>>()
    // Not by the types of Next, which demand NODE_ENV of every environment: its own build checks those.
    interface NextRequest extends Request {
      readonly nextUrl: URL
    }
    const proxy = requireAuth({ acceptsToken: 'any' })((request: NextRequest) => {
      expectTypeOf(request.nextUrl.pathname).toEqualTypeOf<string>()
      return new Response()
    })
    expectTypeOf(proxy).toEqualTypeOf<(request: NextRequest) => Promise<Response>>()
    const untyped = requireMachine()((request) => new Response(request.url))
    expectTypeOf(untyped).toEqualTypeOf<(request: Request) => Promise<Response>>()
    const page = (request: IncomingMessage) => getAuth(request, M2M)
    expectTypeOf(page).returns.resolves.toEqualTypeOf<Nobody>()
    const api = requireMachine()((request: IncomingMessage, response: ServerResponse) => {
      response.end(request.url)
    })
    expectTypeOf(api).toEqualTypeOf<
      (request: IncomingMessage, response: ServerResponse) => Promise<unknown>
    >()
    expect([GET, proxy, untyped, page, api]).toHaveLength(5)
  })

  test('nuxt, around a handler that is given more than is used', () => {
    interface Own extends ofNuxt.NuxtEvent {
      readonly own: number
    }
    const handler = ofNuxt.requireMachine()((event: Own) => ({ own: event.own }))
    expectTypeOf(handler).toEqualTypeOf<(event: Own) => Promise<{ own: number } | Response>>()
    const middleware: (event: ofNuxt.NuxtEvent) => unknown = ofNuxt.countersignMiddleware(OPTIONS)
    expect([handler, middleware]).toHaveLength(2)
  })

  test('astro, around an endpoint and among the middleware', () => {
    interface Own extends ofAstro.ContextWithLocals {
      readonly params: { readonly id: string }
    }
    const GET = ofAstro.requireMachine()(({ params }: Own) => new Response(params.id))
    expectTypeOf(GET).toEqualTypeOf<(context: Own) => Promise<Response>>()
    const guard: ofAstro.Middleware = ofAstro.requireAuth({ acceptsToken: 'any' })((_, next) =>
      next(),
    )
    expect([GET, guard, ofAstro.countersignMiddleware(OPTIONS)]).toHaveLength(3)
  })

  test('react-router, as middleware of a route', () => {
    const middleware: MiddlewareFunction<Response>[] = [
      ofReactRouter.countersignMiddleware(OPTIONS),
      ofReactRouter.requireMachine(),
      ofReactRouter.requireAuth({ acceptsToken: ['m2m_token'] }),
    ]
    const loader = (args: LoaderFunctionArgs) => ofReactRouter.getAuth(args, M2M)
    expectTypeOf(loader).returns.resolves.toEqualTypeOf<Nobody>()
    expect([...middleware, loader]).toHaveLength(4)
  })

  test('tanstack start, as middleware of all requests and of a function of the server', () => {
    const start = createStart(() => ({
      requestMiddleware: [ofTanstackReactStart.countersignMiddleware(OPTIONS)],
    }))
    const middleware = createMiddleware()
      .middleware([ofTanstackReactStart.countersignMiddleware(OPTIONS)])
      .server(({ context, next }) => {
        expectTypeOf(context.countersign).toEqualTypeOf<RequestAuth>()
        return next()
      })
    const guarded = createMiddleware().middleware([ofTanstackReactStart.requireMachine()])
    expect([start, middleware, guarded]).toHaveLength(3)
  })
})
