import { fileURLToPath } from 'node:url'
import { build } from 'tsdown'

// Through tsdown's API: its command prints a greeting and, on Node 20, a warning for each package, and
// a warning should end this build.
for (const folder of ['packages/sdk', 'packages/authority', 'packages/aws-kms', 'packages/mcp']) {
  const cwd = fileURLToPath(new URL(`../${folder}`, import.meta.url))
  await build({ cwd, logLevel: 'warn', failOnWarn: true })
}
