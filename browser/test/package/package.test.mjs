// Tests of the installed package. `browser/test-package` installs it beside the tools of package-lock.json.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startSite } from './site.mjs'

const run = promisify(execFile)
const installed = new URL('node_modules/webchat-session/', import.meta.url)
const text = (path, base = import.meta.url) => readFile(new URL(path, base), 'utf8')
const workspace = await text('../../../Cargo.toml')
const ofWorkspace = (name) => new RegExp(`^${name} = "(.*)"$`, 'm').exec(workspace)[1]

/** Runs `use` with a new folder in the project, for what is built. */
async function withFolder(use) {
  await mkdir('built', { recursive: true })
  const folder = await mkdtemp('built/')
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const esbuild = (entry, folder, ...options) =>
  run('node_modules/.bin/esbuild', [entry, '--bundle', '--format=esm', `--outfile=${folder}/page.js`, ...options])

async function withSite(folder, use) {
  const site = await startSite(folder)
  try {
    await use(site)
  } finally {
    await site.stop()
  }
}

/** The built page shows the messages of both sides. */
const checkPage = (folder) => withSite(folder, async (site) => {
  await site.until(() => site.waiting === 1 && site.calls.includes('POST /v2/WebChannels/CH/Messages'))
  site.says('Grace', 'How can I help?')
  await site.until(() => site.reports.length > 0)
  assert.deepEqual(site.reports, [['Welcome!', 'Hello', 'How can I help?']])
})

test('the package holds the modules, their types and both licences', async () => {
  const files = [
    'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'conversations-client.d.ts', 'conversations-client.js', 'package.json',
    'webchat-session.d.ts', 'webchat-session.js',
  ]
  assert.deepEqual((await readdir(installed)).sort(), files)
  const { version, license } = JSON.parse(await text('package.json', installed))
  assert.deepEqual([version, license], [ofWorkspace('version'), ofWorkspace('license')])
  assert.match(await text('LICENSE-APACHE', installed), /Apache License\s+Version 2\.0/)
  assert.match(await text('LICENSE-MIT', installed), /^Copyright .*\n\nPermission is hereby granted, free of charge/)
})

test('vite builds a page with the module', () => withFolder(async (folder) => {
  await run('node_modules/.bin/vite', ['build', '--outDir', folder, '--logLevel', 'error'])
  await checkPage(folder)
}))

test('esbuild builds a page with the module', () => withFolder(async (folder) => {
  await esbuild('page.js', folder, '--minify')
  await writeFile(`${folder}/index.html`, await text('index.html'))
  await checkPage(folder)
}))

test('a bundler resolves `@twilio/conversations` to the client, by an alias', () => withFolder(async (folder) => {
  await esbuild('widget.js', folder, '--alias:@twilio/conversations=webchat-session/conversations-client')
  await writeFile(`${folder}/index.html`, await text('index.html'))
  await checkPage(folder)
}))

test('bundlers drop the modules where nothing uses them', () => withFolder(async (folder) => {
  await writeFile(`${folder}/entry.js`, `
    import { createSession } from 'webchat-session'
    import { Client } from 'webchat-session/conversations-client'
  `)
  await esbuild(`${folder}/entry.js`, folder, '--minify')
  assert.equal(await readFile(`${folder}/page.js`, 'utf8'), '')
}))

for (const [module, resolution] of [['esnext', 'bundler'], ['node16', 'node16']]) {
  test(`the strictest TypeScript accepts the types, with moduleResolution ${resolution}`, () => withFolder(async (folder) => {
    for (const [file, from, to] of [
      ['types.ts', '../webchat-session.js', 'webchat-session'],
      ['widget-types.ts', '../conversations-client.js', 'webchat-session/conversations-client'],
    ]) {
      await writeFile(`${folder}/${file}`, (await text(`../${file}`)).replaceAll(from, to))
    }
    await run('node_modules/.bin/tsc', [
      '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax',
      '--target', 'es2022', '--lib', 'es2022,dom', '--jsx', 'react-jsx', '--module', module, '--moduleResolution', resolution,
      `${folder}/types.ts`, `${folder}/widget-types.ts`, 'strict-mode.tsx',
    ]).catch(({ stdout }) => assert.fail(stdout))
  }))
}

test('in React StrictMode a component shows each message once, and leaves nothing behind', () => withFolder(async (folder) => {
  await esbuild('strict-mode.tsx', folder, '--jsx=automatic', '--define:process.env.NODE_ENV="development"')
  await writeFile(`${folder}/index.html`, await text('index.html'))
  await withSite(folder, async (site) => {
    await site.until(() => site.waiting === 1)
    site.says('Grace', 'How can I help?')
    await site.until(() => site.reports.some(({ mounts }) => mounts))
    assert.deepEqual(site.reports, [['Welcome!'], ['Welcome!', 'How can I help?'], { mounts: 2 }])
    await site.until(() => site.waiting === 0)
    assert.equal(site.calls.filter((call) => call === 'POST /v2/Webchat/Token').length, 1)
  })
}))

test('on a server the module loads, and a session does nothing until its first call', async () => {
  const script = `
    const touched = []
    for (const name of ['window', 'self', 'document', 'location', 'navigator', 'crypto', 'localStorage', 'indexedDB', 'fetch',
      'BroadcastChannel', 'addEventListener', 'setTimeout', 'setInterval']) {
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name) } })
    }
    const module = await import('webchat-session')
    await import('webchat-session/conversations-client')
    const session = module.createSession({ endpoint: '/chat', deploymentKey: 'CV00000000000000000000000000000001' })
    session.addEventListener('message', () => {})
    process.stdout.write([Object.keys(module), session.identity, touched].join())`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
  assert.equal(stdout, 'WebchatError,createSession,,')
})
