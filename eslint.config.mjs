import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Sentences that a failing rule shows. */
const NO_DEFAULT_EXPORT = 'Export by name: a default export can be renamed by every importer.';
const NO_ENVIRONMENT = 'Read settings through @managed-consul/config, once, in main.ts.';

export default tseslint.config(
  { ignores: ['**/node_modules', '**/dist', '.hcs', '.nx', 'coverage', 'libs/database/src/generated', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 500 }],
      'max-lines-per-function': ['error', { max: 80 }],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: NO_DEFAULT_EXPORT }],
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: NO_ENVIRONMENT }],
      eqeqeq: 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers print the same everywhere; anything else in a template is a mistake.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Nest's modules are classes that only carry a decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Nest declares the options of its factories as classes, and everyone gives literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // JSON of others is `unknown` until it is checked; String() of it is how it gets into a message.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // An implementation of a port is async because the port is, whether or not it waits itself.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['libs/config/**', 'tools/**', 'infra/**', 'libs/testing/**', 'test/**', '**/*.config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: ['*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['**/*.spec.ts', 'test/**', 'libs/testing/**'],
    rules: {
      // A suite is one long function by nature, and an assertion that fails says more than a type guard.
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      // Contract tests call every form of Azure's clients, the old ones too.
      '@typescript-eslint/no-deprecated': 'off',
    },
  },
  prettier,
);
