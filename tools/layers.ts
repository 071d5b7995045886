/**
 * Who may import whom. `npm run check:layers` holds every file in a package's `src` to this table; the
 * picture of it is in CONTRIBUTING.md.
 */

/** A file or folder in a package's `src`, and what it may import besides itself. */
export interface Layer {
  /** Keys of the same package's table; `*` is all of them. */
  readonly layers: readonly string[]
  /** Modules by name; `*` is everything from outside the workspace. Our own packages are always named. */
  readonly packages: readonly string[]
  /** Completes the sentence "… because" in a report. */
  readonly because: string
}

/** The layers of one package, by path below its `src`; the longest path that fits a file is its layer. */
export type Layers = Readonly<Record<string, Layer>>

const pureSdk = 'the SDK has no dependencies and runs where there is no Node'
const besideOneAnother =
  'storage, vault, http and jobs know the domain and its ports, never one another'

/** The table, by the folder of the package. */
export const LAYERS: Readonly<Record<string, Layers>> = {
  'packages/sdk': {
    token: {
      layers: [],
      packages: [],
      because: 'token formats are pure: no fetch, no clock, no dependency',
    },
    verify: {
      layers: ['token', 'verify/engine/node.ts'],
      packages: [],
      because: pureSdk,
    },
    'verify/engine/node.ts': {
      layers: ['token', 'verify', 'verify/engine/node', 'verify/engine/node/seen-tokens.ts'],
      packages: ['node:crypto'],
      because: 'only the engine has a form of its own for Node',
    },
    'verify/engine/node/seen-tokens.ts': {
      layers: ['verify'],
      packages: ['node:crypto'],
      because: 'it is a part of the engine for Node, and takes its hash and nothing else',
    },
    'verify/engine/node': {
      layers: ['token', 'verify'],
      packages: [],
      because: 'these are parts of the engine for Node, and take its Buffer and nothing else',
    },
    client: {
      layers: ['token', 'verify'],
      packages: [],
      because: pureSdk,
    },
    authenticate: {
      layers: ['token', 'verify', 'client'],
      packages: [],
      because: pureSdk,
    },
    adapters: {
      layers: ['token', 'verify', 'client', 'authenticate'],
      packages: ['*'],
      because: 'an adapter puts authenticate into a framework, and nothing depends on it',
    },
    'testing/kit': {
      layers: ['token', 'verify', 'client'],
      packages: [],
      because:
        'the kit is published: it stands on what is, and on the helpers of our own tests never',
    },
    testing: {
      layers: ['*'],
      packages: ['*'],
      because: 'testing may see all and is seen by none',
    },
    'index.ts': {
      layers: ['token', 'verify', 'client', 'authenticate'],
      packages: [],
      because: 'the main door opens on what needs neither a framework nor a test',
    },
  },

  'packages/authority': {
    domain: {
      layers: [],
      packages: ['countersign/token', 'node:crypto'],
      because: 'the rules do no I/O: domain/ports.ts is the only way out',
    },
    storage: {
      layers: ['domain'],
      packages: ['*', 'countersign/token'],
      because: besideOneAnother,
    },
    vault: {
      layers: ['domain'],
      packages: ['*', 'countersign/token'],
      because: besideOneAnother,
    },
    http: {
      layers: ['domain'],
      packages: ['*', 'countersign/token'],
      because: besideOneAnother,
    },
    jobs: {
      layers: ['domain'],
      packages: ['*', 'countersign/token'],
      because: besideOneAnother,
    },
    'system.ts': {
      layers: ['domain'],
      packages: ['node:crypto', 'node:util', 'node:zlib'],
      because: 'what the machine itself gives are ports like any other',
    },
    'log.ts': {
      layers: ['domain', 'settings.ts'],
      packages: ['*'],
      because: 'the log is a port like any other',
    },
    'nearest.ts': {
      layers: [],
      packages: [],
      because: 'what is probably meant depends on nothing',
    },
    'network.ts': {
      layers: [],
      packages: ['node:net'],
      because: 'what an address is depends on nothing',
    },
    'outbound.ts': {
      layers: ['domain', 'network.ts'],
      packages: ['node:dns', 'node:http', 'node:https', 'node:net'],
      because: 'calls to others are a port like any other',
    },
    'settings.ts': {
      layers: ['domain', 'network.ts'],
      packages: ['*'],
      because: 'a setting is defined before anything is composed',
    },
    'config.ts': {
      layers: ['domain', 'settings.ts', 'nearest.ts', 'network.ts'],
      packages: ['*', 'countersign/token'],
      because: 'the configuration is read before anything is composed',
    },
    'app.ts': {
      layers: [
        'domain',
        'storage',
        'vault',
        'http',
        'jobs',
        'system.ts',
        'outbound.ts',
        'config.ts',
      ],
      packages: ['*', 'countersign/token'],
      because: 'the composition root stands above the parts and below the process',
    },
    'node.ts': {
      layers: [
        'domain',
        'storage',
        'vault',
        'http',
        'system.ts',
        'config.ts',
        'network.ts',
        'app.ts',
      ],
      packages: ['*', 'countersign/token'],
      because: 'sockets and signals carry the app, and know nothing of commands',
    },
    emulator: {
      layers: ['domain', 'storage', 'vault', 'system.ts', 'app.ts'],
      packages: ['*', 'countersign/token'],
      because: 'an emulator composes the authority anew; only its own command sees it',
    },
    cli: {
      layers: [
        'domain',
        'storage',
        'vault',
        'system.ts',
        'config.ts',
        'settings.ts',
        'nearest.ts',
        'network.ts',
        'log.ts',
        'app.ts',
        'node.ts',
        'emulator',
      ],
      packages: ['*', 'countersign', 'countersign/token', 'countersign/verify'],
      because: 'a command starts an authority, opens its database, or calls one as any user could',
    },
    'index.ts': {
      layers: ['domain', 'storage', 'vault', 'system.ts', 'config.ts', 'app.ts', 'node.ts'],
      packages: [],
      because: 'the main door names what an embedder needs',
    },
  },

  'packages/aws-kms': {
    'index.ts': {
      layers: ['*'],
      packages: [],
      because: 'the door of the package opens on the vault and its error',
    },
    'aws-kms-vault.ts': {
      layers: ['aws-kms-error.ts', 'ecdsa.ts', 'handle.ts', 'kms.ts'],
      packages: ['node:crypto', '@countersign/authority', '@aws-sdk/client-kms'],
      because: 'the vault takes a client of the AWS SDK, and speaks to KMS through kms.ts only',
    },
    'kms.ts': {
      layers: ['aws-kms-error.ts'],
      packages: ['*'],
      because: 'kms.ts alone knows the AWS SDK',
    },
    'handle.ts': {
      layers: ['aws-kms-error.ts'],
      packages: ['node:crypto', '@countersign/authority'],
      because: 'a handle is sealed by the authority and read by nobody else',
    },
    'ecdsa.ts': {
      layers: [],
      packages: [],
      because: 'the two forms of an ECDSA signature are pure bytes',
    },
    'aws-kms-error.ts': {
      layers: [],
      packages: [],
      because: 'an error depends on nothing',
    },
  },

  'packages/mcp': {
    'index.ts': {
      layers: ['*'],
      packages: [],
      because: 'the door of the package opens on the tools and the server',
    },
    'main.ts': {
      layers: ['cli.ts'],
      packages: ['node:process'],
      because: 'the executable is its command line',
    },
    'cli.ts': {
      layers: ['*'],
      packages: [
        'node:events',
        'node:http',
        'node:net',
        'node:process',
        'node:util',
        '@modelcontextprotocol/node',
        '@modelcontextprotocol/server',
        '@modelcontextprotocol/server/stdio',
      ],
      because: 'a process puts the server on its streams or on a socket',
    },
    'http.ts': {
      layers: ['agent-tools.ts', 'server.ts'],
      packages: ['countersign/mcp-server', '@modelcontextprotocol/server'],
      because: 'the server over HTTP is a protected resource like any other',
    },
    'server.ts': {
      layers: ['agent-tools.ts', 'tool-error.ts'],
      packages: ['@modelcontextprotocol/server'],
      because: 'server.ts and http.ts alone know the protocol; the tools know nothing of it',
    },
    'ai-sdk.ts': {
      layers: ['agent-tools.ts'],
      packages: ['ai'],
      because: 'a framework is an optional peer of its own subpath',
    },
    'langchain.ts': {
      layers: ['agent-tools.ts'],
      packages: ['@langchain/core/tools'],
      because: 'a framework is an optional peer of its own subpath',
    },
    'agent-tools.ts': {
      layers: [
        'audit-tools.ts',
        'budget.ts',
        'foreign.ts',
        'machine-tools.ts',
        'token-tools.ts',
        'tool.ts',
        'tool-error.ts',
      ],
      packages: ['countersign', 'zod'],
      because: 'an agent reaches an authority as any user does: through the client',
    },
    'audit-tools.ts': {
      layers: ['schemas.ts', 'tool.ts'],
      packages: ['zod'],
      because: 'a tool is its schemas and a call of the client',
    },
    'machine-tools.ts': {
      layers: ['schemas.ts', 'tool.ts'],
      packages: ['zod'],
      because: 'a tool is its schemas and a call of the client',
    },
    'token-tools.ts': {
      layers: ['schemas.ts', 'tool.ts', 'tool-error.ts'],
      packages: ['countersign', 'countersign/token', 'zod'],
      because: 'a tool is its schemas and a call of the client',
    },
    'tool.ts': {
      layers: [],
      packages: ['countersign', 'zod'],
      because: 'the form of a tool depends on none',
    },
    'schemas.ts': {
      layers: [],
      packages: ['zod'],
      because: 'the form of an input depends on no tool',
    },
    'budget.ts': {
      layers: ['tool-error.ts'],
      packages: [],
      because: 'a budget is arithmetic',
    },
    'foreign.ts': {
      layers: [],
      packages: [],
      because: 'text is made harmless in one place, which depends on nothing',
    },
    'tool-error.ts': {
      layers: [],
      packages: [],
      because: 'an error depends on nothing',
    },
  },
}
