import { createStart } from '@tanstack/react-start'
import type { APIRoute, MiddlewareHandler } from 'astro'
import * as ofAstro from 'countersign/astro'
import * as ofNuxt from 'countersign/nuxt'
import * as ofReactRouter from 'countersign/react-router'
import * as ofStart from 'countersign/tanstack-react-start'
import { defineEventHandler, getQuery } from 'h3'
import type { ActionFunctionArgs, LoaderFunctionArgs, MiddlewareFunction } from 'react-router'

/**
 * What must compile with each set. The builds of these frameworks drop the types of an app without a
 * look at them; that of Next looks.
 */

const M2M = { acceptsToken: 'm2m_token' } as const

export const astro: { onRequest: MiddlewareHandler; GET: APIRoute } = {
  onRequest: ofAstro.countersignMiddleware(),
  GET: ofAstro.requireMachine()(async (context) => {
    const { machineId } = await context.locals.auth(M2M)
    return Response.json([machineId, await ofAstro.getAuth(context, M2M)])
  }),
}

export const nuxt = [
  defineEventHandler(ofNuxt.countersignMiddleware()),
  defineEventHandler(
    ofNuxt.requireMachine()(async (event) => {
      const { machineId } = await event.context.auth(M2M)
      return [machineId, await ofNuxt.getAuth(event, M2M), getQuery(event)]
    }),
  ),
]

export const reactRouter: {
  middleware: MiddlewareFunction<Response>[]
  loader: (args: LoaderFunctionArgs) => Promise<string | null>
  action: (args: ActionFunctionArgs) => Promise<string | null>
} = {
  middleware: [ofReactRouter.countersignMiddleware(), ofReactRouter.requireMachine()],
  loader: async (args) => (await ofReactRouter.getAuth(args, M2M)).machineId,
  action: async (args) => (await ofReactRouter.getAuth(args, M2M)).machineId,
}

export const start = createStart(() => ({
  requestMiddleware: [ofStart.countersignMiddleware(), ofStart.requireMachine()],
}))

/** Nor is what they go by `any`, as it would be if a framework no longer had it. */
export const mistakes = [
  // @ts-expect-error -- a context of React Router
  () => ofReactRouter.getAuth({ context: {} }, M2M),
  // @ts-expect-error -- a middleware of TanStack Start is none of React Router
  (): MiddlewareFunction<Response> => ofStart.requireMachine(),
]
