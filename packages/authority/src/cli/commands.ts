import type { Entries } from './shell/command.ts'

const RUN = 'Run an authority'
const USE = 'Use an authority'

/** Everything that can stand after `countersign`. */
export const ENTRIES: Entries = {
  dev: {
    group: RUN,
    about: 'An authority of your own, at once; --demo shows it at work',
    load: async () => (await import('./dev.ts')).dev,
  },
  emulate: {
    group: RUN,
    about: 'An authority for tests: seeded, told to fail, forgotten at its end',
    load: async () => (await import('./emulate.ts')).emulate,
  },
  serve: {
    group: RUN,
    about: 'The authority, in production',
    load: async () => (await import('./serve.ts')).serve,
  },
  init: {
    group: RUN,
    about: 'Found the instance, and print its first key',
    load: async () => (await import('./init.ts')).init,
  },
  migrate: {
    group: RUN,
    about: 'Bring the database up to this release',
    load: async () => (await import('./migrate.ts')).migrate,
  },
  config: {
    group: RUN,
    about: 'Check or show the configuration',
    load: async () => (await import('./config.ts')).config,
  },
  'root-key': {
    group: RUN,
    about: 'Make a root key',
    load: async () => (await import('./root-key.ts')).rootKey,
  },
  'instance-keys': {
    group: RUN,
    about: 'The keys that administer the instance',
    load: async () => (await import('./instance-keys.ts')).instanceKeys,
  },
  machines: {
    group: USE,
    about: 'Services, jobs and agents, and their secret keys',
    load: async () => (await import('./machines.ts')).machines,
  },
  scopes: {
    group: USE,
    about: 'Which machine may call which',
    load: async () => (await import('./scopes.ts')).scopes,
  },
  tokens: {
    group: USE,
    about: 'Machine tokens: create, verify, list, revoke, inspect',
    load: async () => (await import('./tokens.ts')).tokens,
  },
  'api-keys': {
    group: USE,
    about: 'Long-lived keys of users, organizations and machines',
    load: async () => (await import('./api-keys.ts')).apiKeys,
  },
  import: {
    group: USE,
    about: 'Bring machines and scopes from Clerk',
    load: async () => (await import('./import.ts')).importing,
  },
  keys: {
    group: USE,
    about: 'The keys that JWTs are signed and verified with',
    load: async () => (await import('./keys.ts')).keys,
  },
  leaked: {
    group: USE,
    about: 'Find credentials where they should not be',
    load: async () => (await import('./leaked.ts')).leaked,
  },
  audit: {
    group: USE,
    about: 'The audit log: list, export, verify',
    load: async () => (await import('./audit.ts')).audit,
  },
  webhooks: {
    group: USE,
    about: 'Where audit events are delivered to',
    load: async () => (await import('./webhooks.ts')).webhooks,
  },
}
