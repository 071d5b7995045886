import { type BenchServer, overHttp, startServer } from '../http.ts'
import { type Exchange, post } from '../load.ts'
import { type Contestant, measurePaired, type Standing } from '../paired.ts'

export const REQUESTS = 2000

const EMPTY: Exchange = {
  request: post('/', { 'content-type': 'application/json' }, '{}'),
  check(status, body) {
    if (status !== 200 || body !== '{}') throw new Error(`The floor answered ${status}.`)
  },
}

/** Measures contestants beside an empty JSON POST on raw `node:http`, then stops their servers. */
export async function besideFloor(
  contestants: readonly Contestant[],
  servers: readonly Pick<BenchServer<unknown>, 'stop'>[],
  rounds: number,
): Promise<readonly Standing[]> {
  const server = await startServer('floor')
  const floor = overHttp({
    name: 'node:http, empty JSON POST',
    server,
    requestsPerRound: REQUESTS,
    exchangeOf: () => EMPTY,
    firstOf: () => 0,
  })
  try {
    return await measurePaired([floor, ...contestants], rounds)
  } finally {
    await Promise.all([server, ...servers].map((one) => one.stop()))
  }
}

/** A check that the answer has this status and a member of this form. */
export function expecting(
  expected: number,
  member: string,
  form: RegExp,
): (status: number, body: string) => void {
  return (status, body) => {
    const value = (JSON.parse(body) as Readonly<Record<string, unknown>>)[member]
    if (status === expected && form.test(String(value))) return
    throw new Error(`Expected ${expected} with a right ${member}, got ${status}: ${body}`)
  }
}
