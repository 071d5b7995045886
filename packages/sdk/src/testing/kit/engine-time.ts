/** Lets an engine live at another time for as long as some work takes, while all other requests wait. */
export interface EngineTime {
  now(): number
  /** Carries a request at the present time. */
  answer(request: Request): Promise<Response>
  /** Carries out `work`, whose requests must not come through `answer`, at another time. */
  at<Result>(nowMs: number, work: () => Promise<Result>): Promise<Result>
}

export function createEngineTime(
  clock: () => number,
  engine: (request: Request) => Promise<Response>,
): EngineTime {
  const underWay = new Set<Promise<unknown>>()
  let other: number | null = null
  let isClosed = false
  let turn: Promise<unknown> = Promise.resolve()

  return Object.freeze({
    now: () => other ?? clock(),

    async answer(request: Request) {
      while (isClosed) await turn
      const answered = engine(request)
      underWay.add(answered)
      return answered.finally(() => underWay.delete(answered))
    },

    at<Result>(nowMs: number, work: () => Promise<Result>) {
      const result = turn.then(async () => {
        isClosed = true
        await Promise.allSettled(underWay)
        other = nowMs
        return work().finally(() => {
          other = null
          isClosed = false
        })
      })
      turn = result.catch(() => undefined)
      return result
    },
  })
}
