// The outside of a built site: a server with its files, a scripted orchestrator at `/chat` whose guests wait for messages,
// and Chromium. Pages report to `/report`.
import { spawn } from 'node:child_process'
import { EventEmitter, on } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONVERSATION, normalResponse } from '../service.mjs'

const TYPES = { html: 'text/html', js: 'text/javascript' }

/** Starts a server with the files of `folder`. `site.calls` are the requests so far, `site.waiting` those that wait. */
export async function startSite(folder) {
  const changes = new EventEmitter()
  const site = { calls: [], reports: [], waiting: 0, says, until, stop }
  const messages = []
  const page = (after) => JSON.stringify({
    messages: messages.slice(after + 1), last_index: messages.length - 1, state: 'active',
  })

  /** Stores a message, and answers those that wait for it. */
  function says(author, body) {
    const index = messages.length
    const message = { sid: `IM${index}`, index, author, body, date_created: '2030-01-01T00:00:00Z' }
    messages.push(message)
    changes.emit('message')
    return message
  }

  /** Waits until a condition of the site holds; 20 s at most. */
  async function until(holds) {
    if (holds()) return
    const signal = AbortSignal.timeout(20_000)
    try {
      for await (const _ of on(changes, 'change', { signal })) if (holds()) return
    } catch (cause) {
      throw new Error(`never: ${holds}; ${JSON.stringify(site, null, 1)}`, { cause })
    }
  }

  async function list({ url, headers }, response) {
    const query = new URL(url, 'http://site').searchParams
    const after = Number(query.get('after') ?? headers['webchat-after'] ?? -1)
    if (query.has('wait') && after === messages.length - 1) {
      site.waiting += 1
      changes.emit('change')
      await new Promise((resolve) => {
        changes.once('message', resolve)
        response.once('close', resolve)
      })
      site.waiting -= 1
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(page(after))
    changes.emit('change')
  }

  async function answer(request, response) {
    const { method, url, headers } = request
    let text = ''
    for await (const chunk of request) text += chunk
    if (url === '/report') {
      site.reports.push(JSON.parse(text))
      response.end()
      changes.emit('change')
    } else if (url.startsWith('/chat/')) {
      const path = url.slice('/chat'.length).split('?')[0]
      site.calls.push(`${method} ${path.replace(CONVERSATION, 'CH')}`)
      if (method === 'GET') return list(request, response)
      const isMessage = path.endsWith('/Messages')
      if (/WebChannels$|Init$/.test(path) && messages.length === 0) says('Acme', 'Welcome!')
      const [status, body] = isMessage ? [201, says('guest', JSON.parse(text).body)] : normalResponse({ path }, 1)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } else {
      const file = await readFile(join(folder, url === '/' ? 'index.html' : url)).catch(() => null)
      response.writeHead(file ? 200 : 404, { 'content-type': TYPES[url.split('.')[1]] ?? TYPES.html }).end(file)
    }
  }

  const server = createServer(answer)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stopBrowser = await openBrowser(`http://127.0.0.1:${server.address().port}/`)
  async function stop() {
    await stopBrowser()
    server.close()
    server.closeAllConnections()
  }
  return site
}

/** Opens a page in headless Chromium; returns what stops it. */
async function openBrowser(url) {
  const profile = await mkdtemp(join(tmpdir(), 'webchat-session-'))
  const browser = spawn(process.env.CHROMIUM || 'chromium', [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
    '--disable-dev-shm-usage', `--user-data-dir=${profile}`, url,
  ], { stdio: 'ignore' })
  const exited = new Promise((resolve) => browser.once('exit', resolve).once('error', resolve))
  return async () => {
    browser.kill()
    await exited
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
