import { requireMachine } from 'countersign/nuxt'

/** Cached by a rule for its route, in nuxt.config.ts. */
export default defineEventHandler(requireMachine()(() => ({ ok: true })))
