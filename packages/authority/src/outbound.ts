import { lookup as resolve, type LookupAddress } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { PostResult, PostWebhook } from './domain/ports.ts'
import { isPublicAddress, plainAddress } from './network.ts'

const TIMEOUT_MS = 10_000

/**
 * Calls to where an administrator said, over the public internet only unless private networks are
 * allowed. The address is looked at as the connection is made to it, so that a name cannot first mean
 * one host and then another. No redirect is followed, no proxy used, and no answer read.
 */
export function createPostWebhook(options: { readonly allowPrivate: boolean }): PostWebhook {
  const mayCall = options.allowPrivate ? () => true : isPublicAddress

  return ({ url: text, headers, body, signal }) => {
    const url = new URL(text)
    // What is no name is not resolved, and must be looked at here.
    const literal = plainAddress(url.hostname.replace(/^\[(.*)\]$/, '$1'))
    if (literal !== null && !mayCall(literal)) return Promise.resolve(REFUSED)
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise<PostResult>((settle) => {
      const call = request(url, {
        method: 'POST',
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        agent: false,
        lookup: lookupOnly(mayCall),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      call.on('response', (answer) => {
        settle({ status: answer.statusCode ?? 0 })
        answer.destroy()
      })
      call.on('error', (error: Error & { readonly code?: string }) => {
        settle(error instanceof RefusedAddress ? REFUSED : { failure: error.code ?? error.name })
      })
      call.end(body)
    })
  }
}

const REFUSED: PostResult = { failure: 'address-not-allowed' }

class RefusedAddress extends Error {}

/** Refuses a name when any of its addresses is not to be called. */
function lookupOnly(mayCall: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = error === null ? addresses : []
      if (first === undefined) {
        done(error ?? new RefusedAddress(), '', 0)
      } else if (!addresses.every(({ address }) => mayCall(address))) {
        done(new RefusedAddress(), '', 0)
      } else if (options.all === true) {
        done(null, addresses)
      } else {
        done(null, first.address, first.family)
      }
    })
  }
}
