import { describe, expect, it } from 'vitest'
import { readArguments } from './arguments.ts'
import {
  choiceFlag,
  type Command,
  countFlag,
  defineCommand,
  durationFlag,
  objectFlag,
  onSwitch,
  textFlag,
  textsFlag,
} from './command.ts'

const command: Command = defineCommand({
  about: 'Tries the options.',
  examples: [],
  words: { machine: 'A machine.' },
  flags: {
    yes: onSwitch('Do not ask.'),
    keyFile: textFlag('FILE', 'A file.'),
    scope: textsFlag('MACHINE', 'A machine.'),
    limit: countFlag('N', 'How many.'),
    ttl: durationFlag('How long.'),
    format: choiceFlag(['opaque', 'jwt'], 'Which.'),
    claims: objectFlag('What.'),
  },
  run: () => Promise.resolve(0 as const),
})

const read = (...argv: string[]): Record<string, unknown> => ({
  ...readArguments(command, 'things try', argv).input,
})

describe('readArguments', () => {
  it('reads words and options, in any order, into values', () => {
    const argv = ['--scope', 'a', 'worker', '--scope=b', '--ttl', '15m', '--limit=3', '--yes']
    expect(read(...argv, '--format', 'jwt', '--claims', '{"a":1}', '--key-file', '-')).toEqual({
      machine: 'worker',
      yes: true,
      keyFile: '-',
      scope: ['a', 'b'],
      limit: 3,
      ttl: 900,
      format: 'jwt',
      claims: { a: 1 },
      json: false,
      help: false,
    })
  })

  it('takes a lone dash for a word, and everything after -- for words', () => {
    expect(read('-')['machine']).toBe('-')
    expect(read('--', '--odd')['machine']).toBe('--odd')
  })

  it.each([
    [['worker', '--lmit', '3'], 'Did you mean --limit?'],
    [['worker', '--zzzzzzzzz'], '--zzzzzzzzz is no option'],
    [['worker', '-x'], '-x is no option'],
    [['worker', '--no-yes'], '--no-yes is no option'],
    [['worker', '--__proto__', 'x'], '--__proto__ is no option'],
    [['worker', '--limit'], '--limit needs a value: --limit N'],
    [['worker', '--limit', '--yes'], '--limit needs a value: --limit N'],
    [['worker', '--yes=no'], '--yes takes no value'],
    [['worker', '--limit', 'few'], '--limit must be a whole number'],
    [['worker', '--ttl', '1w'], '--ttl must be a duration'],
    [['worker', '--format', 'saml'], '--format must be one of opaque, jwt'],
    [['worker', '--claims', '[1]'], '--claims must be a JSON object'],
    [['worker', '--claims', '{'], '--claims must be a JSON object'],
    [[], 'MACHINE is missing'],
    [['worker', 'extra'], '"extra" is one word too many'],
  ])('refuses %j: %s', (argv, message) => {
    expect(() => read(...argv)).toThrow(message)
    expect(() => read(...argv)).toThrow(expect.objectContaining({ code: 'usage' }))
  })

  it('does not repeat what may be a secret in the wrong place', () => {
    const secret = `sk_test_${'x'.repeat(60)}`
    expect(() => read('worker', secret)).toThrow(/^"sk_test_…" is one word too many\.$/)
  })
})
