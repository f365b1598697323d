import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { apiReport } from './api-report.js'
import { needs } from './needs.js'
import { root } from './sources.js'

const dist = join(root, 'dist')
const manifest: { name: string; exports: Record<string, string | { types: string }> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

/** Each import path with its declarations: `switchgear/testing` has `testing/index.d.ts`. */
const entries = new Map(
  Object.entries(manifest.exports).flatMap(([subpath, target]): [string, string][] =>
    typeof target === 'string'
      ? []
      : [[manifest.name + subpath.slice(1), target.types.replace('./dist/', '')]],
  ),
)

const preface = `# API

Every public type as it is built. \`npm run api\` writes this page and a test keeps it true, so a
change here is a change for users, made on purpose.`

it('declares what docs/reference/api.md says', async (context) => {
  const built = [...entries.values()].every((file) => existsSync(join(dist, file)))
  needs(context, built, 'dist is not built: npm run build')
  const report = apiReport((file) => readFileSync(join(dist, file), 'utf8'), entries)
  await expect(
    `${preface}\n\n${report}\n`,
    'The public types changed. If they should: `npm run api`, read the diff, and commit it',
  ).toMatchFileSnapshot(join(root, 'docs/reference/api.md'))
})

it('follows re-exports, leaves out comments and private members, and shows what leaks', () => {
  const files: Readonly<Record<string, string>> = {
    'index.d.ts': "export { B, type A as Z } from './core/b.js';\nexport * from './c.js';",
    'other.d.ts': "export { B } from './core/b.js';\nexport declare const one: 1;",
    'core/b.d.ts': `
import type { Hidden } from '../c.js';
import type Theirs from 'theirs';
/** A comment. */
export declare class B {
    #private;
    private readonly secret;
    run(hidden: Hidden): Theirs; // Another.
}
export interface A {
    readonly leak: import("../c.js").Leak;
}
interface Unused {
}
`,
    'c.d.ts': `
type Hidden =
    | Leak
    | 'http://x';
interface Leak {
}
declare function c(a: string): void;
declare function c(a: number): void;
export { c, type Hidden as Seen };
`,
  }
  const entries = new Map([
    ['pkg', 'index.d.ts'],
    ['pkg/other', 'other.d.ts'],
  ])
  expect(apiReport((file) => files[file] ?? '', entries)).toMatchInlineSnapshot(`
    "## \`pkg\`

    \`\`\`ts
    class B {
        run(hidden: Hidden): Theirs;
    }

    export { Hidden as Seen }

    type Hidden =
        | Leak
        | 'http://x';

    export { A as Z }

    interface A {
        readonly leak: import("../c.js").Leak;
    }

    function c(a: string): void;
    function c(a: number): void;
    \`\`\`

    ## \`pkg/other\`

    \`\`\`ts
    export { B } from 'pkg'

    const one: 1;
    \`\`\`

    ## Mentioned above, not exported

    \`\`\`ts
    interface Leak {
    }
    \`\`\`"
  `)
})

it('refuses a statement that it cannot read', () => {
  const read = (): string => 'export = something;'
  expect(() => apiReport(read, new Map([['pkg', 'index.d.ts']]))).toThrow('cannot read "export =')
})
