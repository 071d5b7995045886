import { type Config, ConfigError } from '../config.ts'
import { SETTING_KEYS, type SettingKey, SETTINGS } from '../settings.ts'
import { defineCommand, type Noun } from './shell/command.ts'
import { EXIT } from './shell/failure.ts'
import { LOCAL_FLAGS, localConfig } from './shell/local.ts'
import type { Shell } from './shell/shell.ts'
import { columns } from './shell/text.ts'

export const config: Noun = {
  about: 'The configuration of the authority: docs/configuration.md has every setting.',
  commands: {
    check: defineCommand({
      about: 'Tells whether the settings are right, and what is wrong with them.',
      details:
        'It also names variables that look like settings and are none. The database is not opened: whether the root key fits it, serve tells. Exit code 1 when serve would refuse the settings.',
      examples: [
        ['config check', 'the environment as it is'],
        ['config check --config countersign.json', 'with a file'],
      ],
      words: {},
      flags: LOCAL_FLAGS,
      async run(input, shell) {
        const { problems, warnings } = findings(input, shell)
        const { green, red, yellow } = shell.style
        const lines = [
          ...problems.flatMap(({ setting, what, remedy }) => [
            `${red('✗')} ${setting} ${what}`,
            `  ${remedy}`,
          ]),
          ...warnings.map((warning) => `${yellow('!')} ${warning}`),
          ...(problems.length === 0 ? [`${green('✓')} The settings are right.`] : []),
        ]
        const data = { ok: problems.length === 0, problems, warnings }
        return { data, lines, exitCode: problems.length === 0 ? EXIT.ok : EXIT.failed }
      },
    }),

    show: defineCommand({
      about:
        'Shows every setting, its value, and where that came from; of a secret, only its name.',
      examples: [['config show', 'what serve would use']],
      words: {},
      flags: LOCAL_FLAGS,
      async run(input, shell) {
        const loaded = localConfig(input, shell)
        const entries = SETTING_KEYS.map((key) => ({
          setting: key,
          variable: SETTINGS[key].env,
          value: shownValue(loaded, key),
          source: loaded.sources[key],
        }))
        const { cyan, dim } = shell.style
        const rows = entries.map(({ variable, value, source }) => [
          cyan(variable),
          value ?? dim('none'),
          dim(source),
        ])
        return { data: entries, lines: columns(rows) }
      },
    }),
  },
}

type Findings = Pick<ConfigError, 'problems'> & Pick<Config, 'warnings'>

function findings(
  input: { readonly config: string | undefined; readonly data: string | undefined },
  shell: Shell,
): Findings {
  try {
    const { warnings } = localConfig(input, shell, ['issuer', 'rootKey'])
    return { problems: [], warnings }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { problems: error.problems, warnings: error.warnings }
  }
}

function shownValue(config: Config, key: SettingKey): string | null {
  if (key === 'rootKeyFile') return config.rootKeyFile
  if (key === 'rootKey') {
    if (config.sources.rootKey === 'not set') return null
    return config.rootKeys.map(({ id }) => `key ${id}`).join(', ')
  }
  const value = config[key]
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return value === null || String(value) === '' ? null : String(value)
}
