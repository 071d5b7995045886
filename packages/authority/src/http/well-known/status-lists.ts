import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'
import { AuthorityError } from '../../domain/errors.ts'
import type { Clock } from '../../domain/ports.ts'
import {
  type SignedStatusList,
  STATUS_TTL_SECONDS,
  type StatusLists,
} from '../../domain/status-lists.ts'
import type { App } from '../http-app.ts'
import { publicJson } from '../respond.ts'

const MEDIA_TYPE = 'application/statuslist+jwt'

const LIST_ID = /^[\w-]{12}$/

/** Status lists, for anyone (draft-ietf-oauth-status-list). */
export function routeStatusLists(app: App, statusLists: StatusLists, clock: Clock): void {
  const compressed = createCompressor()

  app.get('/status-lists', async () => {
    const uris = await statusLists.uris()
    return publicJson({ status_lists: uris }, STATUS_TTL_SECONDS)
  })

  app.get('/status-lists/:id', async (c) => {
    // A list as it was at another time is nothing that is kept.
    if (c.req.query('time') !== undefined) throw new AuthorityError('not_supported')
    if (!accepts(c.req.header('accept'))) throw new AuthorityError('not_acceptable')
    const id = c.req.param('id')
    const list = LIST_ID.test(id) ? await statusLists.signed(id) : null
    if (list === null) throw new AuthorityError('resource_not_found')
    return answer(c, list)
  })

  const answer = async (c: Context, list: SignedStatusList): Promise<Response> => {
    const isGzip = /(^|[\s,])gzip(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(
      c.req.header('accept-encoding') ?? '',
    )
    const tag = `"${list.tag}${isGzip ? '-gzip' : ''}"`
    const age = Math.max(0, Math.ceil((clock.now() - list.signedAt) / 1000))
    const headers: Record<string, string> = {
      'content-type': MEDIA_TYPE,
      // A copy that is kept for longer would be older than a verifier may rely on.
      'cache-control': `public, max-age=${Math.max(0, STATUS_TTL_SECONDS - age)}`,
      'access-control-allow-origin': '*',
      etag: tag,
      vary: 'accept, accept-encoding',
    }
    if (matches(c.req.header('if-none-match'), tag)) {
      return new Response(null, { status: 304, headers })
    }
    if (!isGzip) return new Response(list.token, { headers })
    headers['content-encoding'] = 'gzip'
    return new Response(await compressed(list), { headers })
  }
}

/** Each text is compressed once, however many ask for it. */
function createCompressor(): (list: SignedStatusList) => Promise<Uint8Array<ArrayBuffer>> {
  const known = new WeakMap<SignedStatusList, Promise<Uint8Array<ArrayBuffer>>>()
  const compress = promisify(gzip)
  return (list) => {
    let made = known.get(list)
    if (made === undefined) {
      made = compress(list.token).then((buffer) => new Uint8Array(buffer))
      known.set(list, made)
    }
    return made
  }
}

/** Whether the JWT form is among what is accepted; there is no other. */
function accepts(header: string | undefined): boolean {
  if (header === undefined || header === '') return true
  return header
    .toLowerCase()
    .split(',')
    .some((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim())
      const isFit = type === MEDIA_TYPE || type === 'application/*' || type === '*/*'
      return isFit && !parameters.some((text) => /^q=0(\.0*)?$/.test(text))
    })
}

function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  return header === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
}
