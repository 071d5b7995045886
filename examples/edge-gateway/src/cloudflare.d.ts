/** What this Worker uses of Cloudflare's runtime; `npx wrangler types` writes all of it. */
declare module 'cloudflare:workers' {
  export const env: {
    readonly ISSUER: string
    readonly AUDIENCE: string
    readonly ORIGIN: string
    readonly ORIGIN_KEY: string
    readonly CLAIMS?: string
  }
  export function waitUntil(work: Promise<unknown>): void
}
