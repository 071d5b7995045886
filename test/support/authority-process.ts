import { startTestAuthority } from './authority.ts'

/** An authority in a process of its own, to be killed: `authority-process.ts <SQLite file>`. */

const [, , storage = ':memory:'] = process.argv
const authority = await startTestAuthority({ storage })
process.stdout.write(`${JSON.stringify({ url: authority.url, secretKey: authority.secretKey })}\n`)
