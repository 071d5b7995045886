export default defineNuxtConfig({
  compatibilityDate: '2025-07-15',
  telemetry: false,
  routeRules: { '/cached/by-rule': { swr: 60 } },
  // Rendered by the build, which has no settings.
  nitro: { prerender: { routes: ['/prerendered'] } },
})
