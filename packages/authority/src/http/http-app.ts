import type { Hono } from 'hono'
import type { Origin } from '../domain/actors.ts'

/** Routes, and where each request comes from. */
export type App = Hono<{ Bindings: Origin }>
