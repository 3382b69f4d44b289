// A scripted FlexWebchatOrchestratorService on a free port, and the browser APIs that Node lacks. The tests in Chromium use a
// real service and a real browser.
import { createServer } from 'node:http'
import { webcrypto } from 'node:crypto'

globalThis.crypto ??= webcrypto
globalThis.CustomEvent ??= class extends Event {
  constructor(type, { detail }) {
    super(type)
    this.detail = detail
  }
}

const { BroadcastChannel } = globalThis

/**
 * A page: its stored entries, whether storage is blocked, its locks if any, whether it gets messages of other tabs, and
 * whether it is hidden.
 */
export function openPage({ storage = new Map(), storageIsBlocked = false, locks, isNotified = true, isHidden = false } = {}) {
  const page = new EventTarget()
  const document = { hidden: isHidden }
  const globals = {
    document,
    addEventListener: page.addEventListener.bind(page),
    BroadcastChannel: isNotified ? BroadcastChannel : undefined,
    navigator: { language: 'de-DE', cookieEnabled: true, locks },
    localStorage: {
      getItem: (name) => storage.get(name) ?? null,
      setItem: (name, value) => storage.set(name, value),
      removeItem: (name) => storage.delete(name),
    },
  }
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  if (storageIsBlocked) {
    Object.defineProperty(globalThis, 'localStorage', {
      configurable: true,
      get() {
        throw new DOMException('denied', 'SecurityError')
      },
    })
  }
  return { storage, page, document }
}

export const IDENTITY = '00000000-0000-4000-8000-000000000001'
export const CONVERSATION = 'CH00000000000000000000000000000001'

/** The normal response, by a clock that is `ahead` milliseconds fast. */
export function normalResponse({ path }, count, ahead = 0) {
  const token = {
    token: `token-${count}`, identity: IDENTITY, expires_in: 21600, refresh_after: 16000,
    expiration: new Date(Date.now() + 21600_000 + ahead).toISOString(),
  }
  if (path === '/v2/Webchat/Token') return [200, token]
  if (path === '/v2/Webchat/Token/Refresh') return [200, { valid: true, ...token }]
  if (path === '/v2/Webchat/Token/Revoke') return [200, {}]
  if (path === '/v2/Webchat/Init') return [201, { ...token, conversation_sid: CONVERSATION }]
  if (path === '/v2/WebChannels') return [201, { conversation_sid: CONVERSATION, identity: IDENTITY }]
  return [201, { sid: 'IM1', index: 1, author: IDENTITY, body: 'Hello', date_created: '2030-01-01T00:00:00Z', messages: [] }]
}

export const errorResponse = (status, code, headers = {}) => [status, { valid: false, code, message: 'No.' }, headers]
/** `401 use_dpop_nonce` with a fresh nonce, or without the header if there is none. */
export const nonceRequired = (nonce) => errorResponse(401, 'use_dpop_nonce', nonce && { 'dpop-nonce': nonce })
/** The request arrives, but its response is lost. */
export const LOST = Symbol('lost')

/**
 * Starts the service. `script` maps a path to its first responses; a function is called for its response. Without one,
 * `respond` is called, and then the normal response is returned.
 */
export async function startService(script = {}, respond = () => undefined) {
  const calls = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const path = request.url.split('?')[0].replace(/CH\w+/, 'CH')
    const closed = new Promise((resolve) => response.on('close', resolve))
    const call = { closed, method: request.method, url: request.url, path, headers: request.headers, body: body && JSON.parse(body) }
    calls.push(call)
    const next = script[path]?.shift()
    const answer = (typeof next === 'function' ? await next(call) : next) ?? await respond(call)
      ?? normalResponse(call, calls.length)
    if (answer === LOST) return request.socket.destroy()
    const [status, fields, headers] = answer
    response.writeHead(status, { 'content-type': 'application/json', 'request-id': `request-${calls.indexOf(call)}`, ...headers }).end(JSON.stringify(fields))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    calls,
    paths: () => calls.map(({ path }) => path),
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
