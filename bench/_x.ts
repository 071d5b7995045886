import { verify } from 'node:crypto'
import { createTokenSource } from './authority.ts'
import { createVerifier } from 'countersign/verify'
const source = await createTokenSource()
const N = 3000
const tokens = await source.issue('RS256', N, { ownClaims: true })
const jwk = source.publicJwk('RS256')
const verifier = createVerifier({ issuer: source.issuer, audience: source.receiverId, jwks: { keys: [jwk] }, cacheSize: 0, fetch: (u: string, i?: RequestInit) => source.fetch(new Request(u, i)) } as never)
const { createPublicKey } = await import('node:crypto')
const key = createPublicKey({ key: jwk as never, format: 'jwk' })
const dec = tokens.map((t) => { const e = t.lastIndexOf('.'); return [Buffer.from(t.slice(0, e)), Buffer.from(t.slice(e + 1), 'base64url')] as const })
for (let r = 0; r < 60; r++) {
  const from = (r % 3) * 1000
  let s = process.cpuUsage()
  for (let i = 0; i < 1000; i++) await verifier.verify(tokens[from + i] as string)
  let u = process.cpuUsage(s)
  const a = (u.user + u.system) / 1000
  s = process.cpuUsage()
  for (let i = 0; i < 1000; i++) { const [d, g] = dec[from + i]!; if (!verify('sha256', d, key, g)) throw 1 }
  u = process.cpuUsage(s)
  console.log(r, a.toFixed(1), ((u.user + u.system) / 1000).toFixed(1))
}
process.exit(0)
