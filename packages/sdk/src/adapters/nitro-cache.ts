import type { RequestAuth } from '../authenticate/request-auth.ts'
import { CountersignError } from '../token/errors.ts'

/** As much of an event as tells whether its answer is kept. */
export interface CacheableEvent {
  /** Nitro 2 has `cache` in it inside of `defineCachedEventHandler`, and of routes with `cache` or `swr`. */
  readonly context: { readonly cache?: unknown }
}

/**
 * Who sends a request, found out when somebody asks, unless that is inside of a cached handler: its answer
 * is given to whoever comes next, so a guard would let in all that follow the one that it let in.
 */
export function outsideOfCache(event: CacheableEvent, begin: () => RequestAuth): RequestAuth {
  let begun: RequestAuth | undefined
  return {
    async authenticate(asked) {
      if (event.context.cache !== undefined) throw insideOfCache()
      begun ??= begin()
      return begun.authenticate(asked)
    },
  }
}

function insideOfCache(): CountersignError {
  return new CountersignError('configuration-invalid', {
    expected:
      'nobody to ask who calls inside of a cached handler, whose answer is given to all: put the guard ' +
      'around defineCachedEventHandler, and take cache and swr out of the routeRules of guarded routes',
  })
}
