import { type ChildProcess, fork } from 'node:child_process'
import { LAUNCHER } from './compile.ts'
import { type Exchange, type Load, openLoad } from './load.ts'
import type { Contestant } from './paired.ts'
import type { FromServer, ToServer, Usage } from './servers/protocol.ts'

/** A contestant's server in a process of its own. */
export interface BenchServer<Facts> {
  /** What its clients need to know: keys, tokens. */
  readonly facts: Facts
  readonly load: Load
  /** CPU and memory up to now, after everything it put off has been done. */
  usage(): Promise<Usage>
  stop(): Promise<void>
}

export interface HttpContestantOptions {
  readonly name: string
  readonly target?: number
  readonly server: Pick<BenchServer<unknown>, 'load' | 'usage'>
  readonly requestsPerRound: number
  readonly exchangeOf: (number: number) => Exchange
  /** The number of the first request of a round. */
  readonly firstOf: (round: number) => number
}

const CONNECTIONS = 32

/** Names a folder for a CPU profile of every server (`node --cpu-prof`). */
const PROFILES = process.env['BENCH_PROFILES']

/** Starts `servers/<module>.ts`; every contestant by this same way. */
export async function startServer<Facts>(
  module: string,
  options: object = {},
): Promise<BenchServer<Facts>> {
  const child = fork(LAUNCHER, [module, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: PROFILES === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const ready = await answer(child, 'ready')
  const load = await openLoad(ready.port, CONNECTIONS)
  const usage = (): Promise<Usage> => {
    child.send({ type: 'report' } satisfies ToServer)
    return answer(child, 'usage')
  }
  return Object.freeze({
    // Whoever asks for a module knows what it tells.
    facts: ready.facts as Facts,
    load,
    usage,
    stop: async () => {
      load.close()
      await stop(child)
    },
  })
}

/** Lets a server answer the same number of requests in each round; only its own CPU counts. */
export function overHttp(options: HttpContestantOptions): Contestant {
  const { name, target, server, requestsPerRound, exchangeOf, firstOf } = options
  return {
    name,
    ...(target !== undefined && { target }),
    async run(round) {
      await server.load.reopen()
      const before = await server.usage()
      await server.load.run(exchangeOf, firstOf(round), requestsPerRound)
      const after = await server.usage()
      return { operations: requestsPerRound, cpuMicros: after.cpuMicros - before.cpuMicros }
    },
    rssBytes: async () => (await server.usage()).rssBytes,
  }
}

function answer<Type extends FromServer['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<FromServer, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      const answer = message as FromServer
      if (answer.type !== type) return
      child.off('message', onMessage).off('exit', onExit)
      resolve(answer as Extract<FromServer, { type: Type }>)
    }
    const onExit = (code: number | null): void => {
      reject(new Error(`A benchmark's server ended with code ${code ?? 'none'}.`))
    }
    child.on('message', onMessage).once('exit', onExit)
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => {
      resolve()
    })
    child.send({ type: 'stop' } satisfies ToServer)
  })
}
