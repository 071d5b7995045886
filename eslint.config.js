import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const TESTS = ['**/*.test.ts', 'test/**/*.ts']

/** `// eslint-disable-next-line some-rule -- the reason`: without both, the next reader learns nothing. */
const explainedSuppressions = {
  meta: { type: 'problem', schema: [] },
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        const text = comment.value.trim()
        if (/^eslint-disable/.test(text) && !/^eslint-disable\S* [@\w/, -]+ -- \S/.test(text)) {
          const { line, column } = comment.loc.start
          // One column early: a bare eslint-disable would suppress this report as well.
          const loc = { line, column: column - 1 }
          context.report({ loc, message: 'Write: eslint-disable-… the-rule -- the reason.' })
        }
      }
    },
  }),
}

const noEnum = {
  selector: 'TSEnumDeclaration',
  message: 'A union of strings, or an object `as const`, needs no enum.',
}
const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'A named export has one name everywhere.',
}
const noClock = {
  selector:
    'CallExpression[callee.object.name=/^(Date|performance)$/][callee.property.name="now"], NewExpression[callee.name="Date"][arguments.length=0]',
  message: 'The time is an argument, or comes from the clock port.',
}
const noRandom = {
  selector:
    'CallExpression[callee.name=/^random[A-Z]/], CallExpression[callee.property.name=/^(getRandomValues|random([A-Z].*)?)$/]',
  message: 'Random bytes are an argument, or come from the random port.',
}

export default defineConfig(
  globalIgnores(['**/dist/', 'coverage/', 'test/frameworks/']),

  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { countersign: { rules: { 'explained-suppressions': explainedSuppressions } } },
    rules: {
      'countersign/explained-suppressions': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', noEnum],
    },
  },

  {
    files: ['**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['examples/workers/*.js'],
    languageOptions: { globals: { Response: 'readonly' } },
  },

  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/ban-ts-comment': ['error', { minimumDescriptionLength: 10 }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // An async function may promise what it computes at once: ports and handlers are async by type.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },

  {
    files: ['packages/*/src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', noEnum, noDefaultExport],
    },
  },
  {
    // Every rule of ours can be tried at any instant and with any random bytes.
    files: ['packages/authority/src/domain/**/*.ts', 'packages/sdk/src/token/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-globals': ['error', 'fetch', 'setTimeout', 'setInterval'],
      'no-restricted-syntax': ['error', noEnum, noDefaultExport, noClock, noRandom],
    },
  },
  {
    files: ['packages/authority/src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // A test may hold a wrong value on purpose, reads a body without a type, and takes ASCII apart.
    files: TESTS,
    rules: {
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
)
