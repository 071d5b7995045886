/** The one function of Next that is used. Next weighs more than all else here; its own types are met in test/frameworks. */
declare module 'next/headers.js' {
  export function headers(): Promise<{ get(name: string): string | null }>
}
