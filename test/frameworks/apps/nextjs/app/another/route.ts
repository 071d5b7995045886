import { getAuth, requireMachine } from 'countersign/nextjs'

/** Requests that a handler makes itself, as for the parts of a batch: none is the caller's. */
export const GET = requireMachine()(async (caller) => {
  const asked = { acceptsToken: 'm2m_token' } as const
  const strangers: HeadersInit[] = [
    {},
    { authorization: 'Bearer mt_garbage' },
    { cookie: '__session=x' },
  ]
  const found = await Promise.all([
    getAuth(caller, asked),
    getAuth(new Request(caller), asked),
    ...strangers.map((headers) => getAuth(new Request(caller.url, { headers }), asked)),
  ])
  return Response.json({ subjects: found.map(({ subject }) => subject) })
})
