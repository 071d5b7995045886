import { readFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { createClient } from 'countersign'
import { BINARIES, installRuntimes } from '../test/runtimes/runtimes.ts'
import { startTestAuthority } from '../test/support/authority.ts'
import { ROOT } from '../test/support/spawn.ts'
import { type RunningWorker, startWorker } from '../test/support/workerd.ts'

/**
 * What examples/edge-gateway weighs, and what it costs of CPU on workerd:
 *
 *   npm run build && node --import ./tools/typescript.js --conditions=source bench/edge-gateway.ts
 *
 * The CPU is that of the whole workerd process, HTTP in both directions included, so a Worker that does
 * nothing but pass requests on is measured beside it: what is more than that is the gateway's. The two take
 * turns, and the least of the rounds counts. Linux only.
 */

const FOLDER = join(ROOT, 'examples/edge-gateway')
const ROUNDS = 3
const REQUESTS = 2_000
const AT_ONCE = 16
/** USER_HZ, which is the same on every Linux that Node runs on. */
const TICK_MICROSECONDS = 10_000

const problem = await installRuntimes()
if (problem !== null) throw new Error(problem)
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
const authority = await startTestAuthority()
const origin = createServer((_, res) => res.writeHead(204).end())
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
const api = await machines.create({ name: 'api' })
const env = {
  ISSUER: authority.url,
  AUDIENCE: api.id,
  ORIGIN: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
  ORIGIN_KEY: Buffer.alloc(32, 7).toString('base64'),
}
const start = (entry: string): Promise<RunningWorker> =>
  startWorker({ binary: BINARIES.workerd, folder: FOLDER, entry, env })
const passThrough = await start(join(import.meta.dirname, 'pass-through-worker.ts'))
const gateway = await start(join(FOLDER, 'src/worker.ts'))

const size = Buffer.byteLength(gateway.code)
const gzip = gzipSync(gateway.code, { level: 9 }).length
const brotli = brotliCompressSync(gateway.code).length
console.log(`bundle: ${kilobytes(size)}, gzip ${kilobytes(gzip)}, brotli ${kilobytes(brotli)}`)

for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
  const sender = await machines.create({
    name: algorithm,
    scopedMachines: [api.id],
    jwtAlgorithm: algorithm,
  })
  const own = createClient({ apiUrl: authority.url, machineSecretKey: sender.secretKey ?? '' })
  const mint = async (): Promise<string> =>
    (await own.m2m.createToken({ tokenFormat: 'jwt' })).token ?? ''
  const one = await mint()
  const same = (): string => one
  await load(passThrough, same)
  await load(gateway, same)
  const costs = { floor: Infinity, remembered: Infinity, verified: Infinity }
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = await inParallel(REQUESTS, mint)
    costs.floor = Math.min(costs.floor, await load(passThrough, same))
    costs.remembered = Math.min(costs.remembered, await load(gateway, same))
    costs.verified = Math.min(costs.verified, await load(gateway, (index) => fresh[index] ?? ''))
  }
  const { floor, remembered, verified } = costs
  console.log(
    `${algorithm}: a request that is only passed on ${micros(floor)};`,
    `with a token seen before ${micros(remembered)} (+${micros(remembered - floor)});`,
    `with a new token ${micros(verified)} (+${micros(verified - floor)})`,
  )
}

await Promise.all([passThrough.close(), gateway.close(), authority.close()])
agent.destroy()
origin.close()

/** CPU of workerd for a request, in microseconds. @throws when one is not let through */
async function load(worker: RunningWorker, token: (index: number) => string): Promise<number> {
  const before = cpuTicks(worker.pid)
  await inParallel(REQUESTS, (index) => call(worker.url, token(index)))
  return ((cpuTicks(worker.pid) - before) * TICK_MICROSECONDS) / REQUESTS
}

async function inParallel<Result>(
  count: number,
  work: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      results[index] = await work(index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return results
}

function call(url: string, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (res) => {
      res.resume()
      res.on('end', () => {
        if (res.statusCode === 204) resolve()
        else reject(new Error(`Answered ${res.statusCode ?? 0}.`))
      })
    })
    req.on('error', reject)
    req.end()
  })
}

/** proc(5): utime and stime are the 14th and 15th, counted from after the name. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

function micros(microseconds: number): string {
  return `${Math.round(microseconds)} µs`
}
