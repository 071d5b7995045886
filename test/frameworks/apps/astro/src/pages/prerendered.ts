import type { APIRoute } from 'astro'

/** Rendered by the build, which has no settings. */
export const prerender = true

export const GET: APIRoute = () => Response.json({ ok: true })
