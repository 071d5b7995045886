// Prints `N passed, N failed` over every report of vitest in a folder, and fails unless none failed:
//
//   node .ci/tally.js <failures already known> <exit status of the tests> <folder>
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const [known, status, folder] = process.argv.slice(2)
const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name))))

let passed = 0
let failed = 0
for (const { numPassedTests, numFailedTests, testResults } of reports) {
  // A file that could not be loaded has failed without a failed test.
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  passed += numPassedTests
  failed += numFailedTests + broken.length
}

// Tests that did not even report, or an error outside of any test.
if (failed === 0 && Number(status) !== 0) failed = 1
failed += Number(known)

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
