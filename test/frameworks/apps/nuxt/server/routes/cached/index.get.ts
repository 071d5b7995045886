import { requireMachine } from 'countersign/nuxt'

/** A cache around a guard: Nitro would keep the answer of one caller, and give it to the next. */
export default defineCachedEventHandler(
  requireMachine()(() => ({ ok: true })),
  { maxAge: 60 },
)
