// @ts-check
/**
 * Client for a site's page: the Browser of the diagrams (docs/sequences). It requests a token from
 * FlexWebchatOrchestratorService, stores it, refreshes it once for all tabs, and opens and reads the conversation. The
 * page never sees the token. It receives events and errors, with the API's `code` and a sentence for the guest.
 * Storage, keys, locks and channels are optional: without them the chat lives in memory until the page closes.
 */

// --- Public types ----------------------------------------------------------------------------------------------------

/**
 * @typedef {object} Options
 * @property {string} endpoint Base URL of the service: `https://chat.example.com`, or a path on the page's origin.
 * @property {string} deploymentKey `CV…`
 * @property {Record<string, string>} [sentences] Sentences for the guest, by code, that replace the English ones.
 * @property {number} [patience] How long a call may retry, in milliseconds; 15000 by default.
 */

/** @typedef {{customerFriendlyName?: string, preEngagementData?: unknown}} Form The guest's input. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */

/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'send' | 'end'} During */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, by: 'guest' | 'another-tab' | 'service'}} Ended */

/**
 * @typedef {object} Refused
 * @property {string} code Of the API, or `network_unreachable`, `unexpected_answer` or `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] Seconds, from the `Retry-After` header.
 * @property {boolean} final False if the module will retry.
 * @property {During} during
 */

/**
 * @typedef {object} Events
 * @property {CustomEvent<Refreshed>} refreshed
 * @property {CustomEvent<Refused>} refused
 * @property {CustomEvent<Ended>} ended
 */

/**
 * Every call rejects with a `WebchatError`.
 * @typedef {object} Calls
 * @property {() => Promise<boolean>} resume Resumes the stored session; false if there is none.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Starts a session if there is none.
 * @property {(page?: {after?: number}) => Promise<ChatMessage[]>} messages The messages after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {() => Promise<void>} end Deletes the session and revokes its token.
 * @property {string | null} identity Of the current session, as are the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void,
 *   options?: AddEventListenerOptions | boolean) => void} addEventListener
 */

/** @typedef {Readonly<Calls> & EventTarget} WebchatSession */

/** Why a call failed. `message` is for the guest; `reason` (the service's message) and `requestId` are for support. */
export class WebchatError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} more
   */
  constructor(code, message, { status, retryAfter, reason, requestId }) {
    super(message)
    this.name = 'WebchatError'
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
    this.reason = reason
    this.requestId = requestId
    /** Whether the module has given up and dispatched a final `refused` event. */
    this.final = false
  }
}

const START_NEW = ' You can start a new one.'
const ENDED = 'This chat has ended.' + START_NEW
const NOT_CONFIGURED = 'This page is not set up for chat.'
const INSECURE = 'This page or browser cannot keep a chat safe.'
const TRY_LATER = 'The chat cannot be reached. Please try again later.'

/** @type {Record<string, string>} Other codes: `ENDED` (`INSECURE` on create) if session-ending, else `TRY_LATER`. */
const SENTENCES = {
  invalid_request: 'That could not be accepted.',
  payload_too_large: 'That is too long.',
  fingerprint_invalid: 'This chat belongs to another browser.' + START_NEW,
  conversation_full: 'This chat is full.' + START_NEW,
  conversation_closed: ENDED,
  fingerprint_unavailable: INSECURE,
  origin_not_allowed: NOT_CONFIGURED,
  deployment_key_not_found: NOT_CONFIGURED,
  deployment_key_disabled: 'The chat is closed right now.',
  not_found: 'This chat could not be found.',
  rate_limited: 'That was too fast. Please wait a moment.',
  no_session: 'There is no chat yet.',
}

// --- Stored state ----------------------------------------------------------------------------------------------------

/**
 * The entry in localStorage. Times are milliseconds by the local clock.
 * @typedef {object} StoredSession
 * @property {number} version
 * @property {string} id Shared by the session's tabs and its proof key.
 * @property {boolean} bound Whether the session is bound to a proof key.
 * @property {string} token
 * @property {string} identity
 * @property {string} expiration By the service's clock.
 * @property {number} refreshAt
 * @property {number} skew Milliseconds that the service's clock is ahead.
 * @property {string} loginTimestamp
 * @property {string} conversationSid Empty if no conversation is open.
 */

/** @typedef {{id: string, privateKey: CryptoKey, jwk: object}} ProofKey */
/** @typedef {{key: ProofKey | null, loginTimestamp: string, token: string}} Credentials Sent with a request. */
/** @typedef {{during: During, trace: string, until: number}} Action A running call: name, random id, deadline. */

const UNREACHABLE = 'network_unreachable'
const UNEXPECTED = 'unexpected_answer'
const UI_VERSION = '1.0.0'
/** Longer than Starship's timeout, so that Starship's error response arrives first. */
const REQUEST_TIMEOUT = 15_000
const MAX_RETRY_DELAY = 30_000
const CHECK_INTERVAL = 30_000
/** The longest time after a token's expiry in which the service may still refresh it. */
const RESUME_WINDOW = 86_400_000

const TOKEN_PATH = '/v2/Webchat/Token'
const CHANNELS_PATH = '/v2/WebChannels'

/** @type {StoredSession} Also the types that `validSession` checks. */
const EMPTY_SESSION = {
  version: 1, id: '', bound: true, token: '', identity: '', expiration: '', refreshAt: 0, skew: 0, loginTimestamp: '',
  conversationSid: '',
}

const noop = () => {}
const now = () => Date.now()

/** @param {string | null} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** @param {any} session @returns {StoredSession | null} Null if a field is missing or has another type. */
const validSession = (session) => session?.version === EMPTY_SESSION.version
  && Object.entries(EMPTY_SESSION).every(([name, example]) => typeof session[name] === typeof example) ? session : null

/** @param {number} bytes */
const randomHex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)),
  (byte) => byte.toString(16).padStart(2, '0')).join('')

// --- Proof of possession (RFC 9449) ----------------------------------------------------------------------------------

/** Undefined on pages over plain HTTP. */
const { subtle } = crypto
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text)
/** @param {ArrayBuffer | Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')

/**
 * Makes a DPoP proof.
 * @param {ProofKey} key
 * @param {string} htm
 * @param {string} htu
 * @param {number} time
 * @param {string} token
 * @param {string | undefined} nonce
 */
async function signProof({ jwk, privateKey }, htm, htu, time, token, nonce) {
  const ath = token ? base64url(await subtle.digest('SHA-256', utf8(token))) : undefined
  const claims = { htm, htu, iat: Math.floor(time / 1000), jti: randomHex(16), ath, nonce }
  const signed = [{ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims]
    .map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
  return `${signed}.${base64url(await subtle.sign(ES256, privateKey, utf8(signed)))}`
}

/**
 * Runs one request on the key store. Times out, since some browsers with IndexedDB blocked never answer.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<any>} use
 * @returns {Promise<any>}
 */
const inKeyStore = (mode, use) => new Promise((resolve, reject) => {
  setTimeout(reject, 3000)
  const openRequest = indexedDB.open('webchat-session', 1)
  openRequest.onupgradeneeded = () => openRequest.result.createObjectStore('keys')
  openRequest.onerror = reject
  openRequest.onsuccess = () => {
    const transaction = openRequest.result.transaction('keys', mode)
    const request = use(transaction.objectStore('keys'))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = reject
    openRequest.result.close()
  }
})

// --- Fingerprint headers (x-twilio-sec-*) ----------------------------------------------------------------------------

/** @type {Promise<string> | undefined} */
let decodersHeader

/** Both probes' results; a constant for both if either fails, as in the released widget. */
async function probeDecoders() {
  /** @param {Omit<MediaDecodingConfiguration, 'type'>} media */
  const probe = async (media) => navigator.mediaCapabilities.decodingInfo({ type: 'file', ...media })
  /** @param {any} answer */
  const capability = ({ powerEfficient = false, smooth = false, supported = false }) =>
    ({ powerEfficient, smooth, supported, keySystemAccess: null })
  const contentType = 'video/mp4;codecs=avc1.42E01E'
  const [audio, video] = await Promise.all([
    probe({ audio: { contentType: 'audio/mpeg' } }),
    probe({ video: { contentType, width: 640, height: 360, bitrate: 500000, framerate: 30 } }),
  ]).catch(() => [{}, {}])
  return JSON.stringify({ audio: capability(audio), video: capability(video) })
}

// --- A session -------------------------------------------------------------------------------------------------------

/**
 * Whether a retry of the same call may succeed.
 * @param {WebchatError} error
 */
const isTransient = ({ status = 0, code }) => status >= 500 || status === 429 || code === UNREACHABLE

/**
 * Whether the error ends the session.
 * @param {{code: string}} error
 */
const endsSession = ({ code }) => /^(\w+_token|session_expired|fingerprint_invalid|invalid_dpop_proof)$/.test(code)

/**
 * Milliseconds until the next try: `Retry-After`, otherwise exponential backoff with full jitter.
 * @param {WebchatError} error @param {number} attempt
 */
const retryDelay = ({ retryAfter }, attempt) => retryAfter === undefined
  ? Math.random() * Math.min(MAX_RETRY_DELAY, 1000 * 2 ** attempt)
  : Math.min(retryAfter, 3600) * 1000 + Math.random() * 250

/**
 * Creates the client. Does no I/O until a method is called.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences = {}, patience = 15_000 }) {
  const base = new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, '')
  const storageKey = `webchat-session ${base} ${deploymentKey}`
  const target = new EventTarget()
  /** @type {(StoredSession & Credentials) | null} */
  let current = null
  /** Whether `current` is in localStorage too. */
  let isStored = false
  let skew = 0
  /** @type {string | undefined} The service's newest `DPoP-Nonce` (RFC 9449, section 8). */
  let nonce
  /** @type {Promise<void> | null} */
  let refreshing = null
  /** @type {Promise<Conversation> | null} */
  let openingConversation = null
  /** @type {WebchatError | undefined} The last error of the refresh that is being retried. */
  let refreshError
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {BroadcastChannel | undefined} */
  let channel
  let listenerAbort = new AbortController()
  /** @type {Set<(byEvent: boolean) => void>} Wakes each pending `sleep`. */
  const sleepers = new Set()

  const serverNow = () => now() + skew

  /** @param {During} during @returns {Action} */
  function startAction(during) {
    syncFromStorage()
    return { during, trace: randomHex(16), until: now() + patience }
  }

  // --- events

  /** @param {string} type @param {Refreshed | Refused | Ended} detail */
  const emit = (type, detail) => target.dispatchEvent(new CustomEvent(type, { detail }))

  /**
   * @param {string} code
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} [more]
   * @param {string} [endedSentence] The sentence for codes that end a session.
   */
  const makeError = (code, more = {}, endedSentence = ENDED) =>
    new WebchatError(code,
      sentences[code] ?? SENTENCES[code] ?? (endsSession({ code }) ? endedSentence : TRY_LATER), more)

  const noSessionError = () => makeError('no_session')

  /**
   * Dispatches `refused`. An error that fails several calls is dispatched as final only once.
   * @param {WebchatError} error
   * @param {During} during
   * @param {boolean} final
   */
  function reportFailure(error, during, final) {
    if (error.final) return
    error.final = final
    const { code, message, retryAfter } = error
    emit('refused', { code, message, final, during, retryAfter })
  }

  // --- storage

  /** Undefined if storage is blocked. */
  function readStored() {
    try {
      return validSession(parse(localStorage.getItem(storageKey)))
    } catch {
      return undefined
    }
  }

  /**
   * Applies a change to the newest stored state, stores it and notifies the other tabs.
   * @param {Partial<StoredSession>} change
   */
  function update(change) {
    syncFromStorage()
    if (!current) return
    const { key, ...session } = current = { ...current, ...change }
    try {
      localStorage.setItem(storageKey, JSON.stringify(session))
      isStored = true
    } catch {
      isStored = false
    }
    channel?.postMessage(0)
    schedule()
  }

  /**
   * Deletes token and key together.
   * @param {string} id The session; does nothing if another one is stored by now.
   */
  function clearStored(id) {
    if (readStored()?.id !== id) return
    localStorage.removeItem(storageKey)
    inKeyStore('readwrite', (store) => store.delete(storageKey)).catch(noop)
    channel?.postMessage(0)
  }

  /** Takes over what another tab stored or deleted. */
  function syncFromStorage() {
    const session = current && isStored ? readStored() : undefined
    if (!current || session === undefined) return
    if (session?.id !== current.id) return endSession({ by: 'another-tab' })
    const isNew = session.token !== current.token
    current = { ...session, key: current.key }
    if (!isNew) return
    skew = session.skew
    schedule()
    emit('refreshed', { expiration: session.expiration, by: 'another-tab' })
  }

  /** @param {Ended} detail */
  function endSession(detail) {
    if (!current) return
    clearStored(current.id)
    current = null
    isStored = false
    clearTimeout(timer)
    listenerAbort.abort()
    channel?.close()
    sleepers.forEach((wake) => wake(false))
    emit('ended', detail)
  }

  /** Loads the stored session of an earlier page. Deletes it if its proof key is missing. */
  async function restore() {
    const session = readStored()
    if (current || !session) return
    /** @type {ProofKey | null} */
    let key = null
    if (session.bound) {
      try {
        key = await inKeyStore('readonly', (store) => store.get(storageKey))
      } catch {
        return
      }
      if (key?.id !== session.id) return clearStored(session.id)
    }
    if (current) return
    current = { ...session, key }
    isStored = true
    skew = session.skew
    addListeners()
  }

  /** @param {string} id @returns {Promise<ProofKey | null>} */
  async function createProofKey(id) {
    try {
      const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (
        await subtle.generateKey(ES256, false, ['sign']))
      const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey)
      const key = { id, privateKey, jwk: { kty, crv, x, y } }
      // A stored token is useless without its key. If storage is blocked, both live in memory.
      if (readStored() !== undefined) await inKeyStore('readwrite', (store) => store.put(key, storageKey))
      return key
    } catch {
      return null
    }
  }

  // --- between tabs

  /**
   * Runs `work` in one tab at a time. Without locks (plain HTTP, blocked storage) tabs may refresh concurrently: within
   * a minute the service gives all of them tokens of one generation, and the last one written stays in the storage.
   * @param {() => Promise<void>} work
   */
  async function withLock(work) {
    let entered = false
    /** @param {boolean} ifAvailable */
    const enter = (ifAvailable) => navigator.locks.request(storageKey, { ifAvailable }, async (lock) => {
      if (!lock) return
      entered = true
      // Tabs are separate processes: a write before the lock's release may become visible only shortly after it.
      if (!ifAvailable) await sleep(200, true)
      await work()
    })
    try {
      await enter(true)
      if (!entered) await enter(false)
    } catch (error) {
      if (entered) throw error
      await work()
    }
  }

  /** Listens for other tabs, the network and the page becoming visible, until the session ends. */
  function addListeners() {
    listenerAbort = new AbortController()
    const { signal } = listenerAbort
    const wake = () => {
      sleepers.forEach((end) => end(true))
      tick()
    }
    for (const type of ['visibilitychange', 'pageshow', 'online']) addEventListener(type, wake, { signal })
    addEventListener('storage', syncFromStorage, { signal })
    try {
      channel = new BroadcastChannel(storageKey)
      channel.onmessage = syncFromStorage
    } catch {
      channel = undefined
    }
    schedule()
  }

  // --- time

  function schedule() {
    clearTimeout(timer)
    if (current) timer = setTimeout(tick, Math.max(0, Math.min(CHECK_INTERVAL, current.refreshAt - now())))
  }

  /** Refreshes the token if it is due. Runs periodically and on wake-up, since timers stop while a machine sleeps. */
  function tick() {
    syncFromStorage()
    if (!current) return
    if (now() < current.refreshAt) schedule()
    else refresh(startAction('refresh')).catch(noop)
  }

  /**
   * @param {number} ms
   * @param {boolean} uninterruptible For `Retry-After`: only the end of the session wakes it early.
   * @returns {Promise<void>}
   */
  const sleep = (ms, uninterruptible) => new Promise((resolve) => {
    /** @param {boolean} byEvent */
    const end = (byEvent) => {
      if (byEvent && uninterruptible) return
      clearTimeout(timeout)
      sleepers.delete(end)
      resolve()
    }
    const timeout = setTimeout(end, ms, false)
    sleepers.add(end)
  })

  /**
   * Rejects at the action's deadline, without cancelling `work`.
   * @template T
   * @param {Promise<T>} work
   * @param {Action} act
   * @returns {Promise<T>}
   */
  function withDeadline(work, { until }) {
    /** @type {ReturnType<typeof setTimeout>} */
    let limit
    const late = new Promise((_, reject) => {
      limit = setTimeout(() => reject(refreshError ?? makeError(UNREACHABLE)), until - now())
    })
    return Promise.race([work, late]).finally(() => clearTimeout(limit))
  }

  // --- requests

  /**
   * Sends one call. Retries a rejected proof once with the response's nonce and once with its `Date`, if the clocks
   * differ: at most three requests.
   * @param {Action} act
   * @param {string} path
   * @param {object | undefined} body Undefined for a GET.
   * @param {Credentials} credentials
   * @param {boolean} [bearer] Whether to send the token in `Authorization`.
   * @returns {Promise<any>}
   */
  async function sendRequest({ during, trace }, path, body, { key, loginTimestamp, token }, bearer) {
    const url = base + path
    const method = body ? 'POST' : 'GET'
    const { language, cookieEnabled } = navigator
    let mayCorrectClock = Boolean(key)
    let mayRenewNonce = mayCorrectClock
    for (;;) {
      const at = serverNow()
      const usedNonce = nonce
      /** @type {Record<string, string>} */
      const headers = {
        'x-twilio-sec-decoders': await (decodersHeader ??= probeDecoders()),
        'x-twilio-sec-usersettings':
          JSON.stringify({ language, cookieEnabled, userTimezone: new Date().getTimezoneOffset() }),
        'x-twilio-sec-webchatinfo': JSON.stringify({ loginTimestamp }),
        'ui-version': UI_VERSION,
        traceparent: `00-${trace}-${randomHex(8)}-01`,
        ...body && { 'content-type': 'application/json' },
        ...bearer && { authorization: `Bearer ${token}` },
        // The service stores a message once per key, so each repeat of a `send` has the same one.
        ...bearer && during === 'send' && { 'idempotency-key': trace },
        ...key && { dpop: await signProof(key, method, url.split('?')[0], at, token, usedNonce) },
      }
      /** @type {Response} */
      let response
      let answer
      try {
        response = await fetch(url, {
          method, headers, body: body && JSON.stringify(body), keepalive: during === 'end',
          // Missing in older browsers, which have timeouts of their own, and in the typings.
          signal: /** @type {any} */ (AbortSignal).timeout?.(REQUEST_TIMEOUT),
          // No `cache` option: responses have `no-store`, and with the option Chromium sends a preflight for each call.
          credentials: 'omit', redirect: 'error', referrerPolicy: 'strict-origin',
        })
        answer = parse(await response.text())
      } catch {
        throw makeError(UNREACHABLE)
      }
      /** @type {(name: string) => any} Null if the header is missing or not exposed to the page. */
      const header = (name) => response.headers.get(name)
      nonce = header('dpop-nonce') || nonce
      if (response.ok && answer) return answer
      const code = answer?.code ?? UNEXPECTED
      const time = Date.parse(header('date'))
      if (mayCorrectClock && code === 'invalid_dpop_proof' && Math.abs(time - at) > 5000) {
        mayCorrectClock = false
        skew = time - now()
        continue
      }
      // The same nonce, or none, would be rejected again.
      if (mayRenewNonce && code === 'use_dpop_nonce' && nonce !== usedNonce) {
        mayRenewNonce = false
        continue
      }
      const seconds = parseFloat(header('retry-after'))
      throw makeError(code, {
        status: response.status,
        retryAfter: seconds >= 0 ? seconds : undefined,
        reason: answer?.message,
        requestId: header('request-id'),
      }, token ? ENDED : INSECURE)
    }
  }

  /**
   * Retries transient errors until the action's deadline.
   * @template T
   * @param {Action} act
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async function withRetries({ during, until }, work) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (caught) {
        const error = caught instanceof WebchatError ? caught : makeError(UNEXPECTED, { reason: `${caught}` })
        const uninterruptible = error.retryAfter !== undefined
        const left = until - now()
        const ms = retryDelay(error, attempt)
        const final = error.final || !isTransient(error) || left <= 0 || (uninterruptible && ms > left)
        reportFailure(error, during, final)
        if (final) throw error
        await sleep(Math.min(ms, left), uninterruptible)
      }
    }
  }

  /**
   * A call with the token. If it has expired, or is not bound to this browser yet, refreshes it once and retries.
   * @param {Action} act
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async function sendAuthorized(act, path, body) {
    if (current && serverNow() >= Date.parse(current.expiration)) await withDeadline(refresh(act), act)
    for (let isFirstTry = true; ; isFirstTry = false) {
      if (!current) throw noSessionError()
      const { id, token } = current
      try {
        return await sendRequest(act, path, body, current, true)
      } catch (caught) {
        const error = /** @type {WebchatError} */ (caught)
        const { code } = error
        // Full or closed: the next `openConversation` opens another one in the same session.
        if (/^conversation_/.test(code)) update({ conversationSid: '' })
        if (!endsSession(error)) throw error
        syncFromStorage()
        if (current?.id !== id) throw noSessionError()
        if (isFirstTry && current.token !== token) continue
        if (!isFirstTry || !/^(expired_token|fingerprint_invalid)$/.test(code)) {
          reportFailure(error, act.during, true)
          endSession({ by: 'service', code })
          throw error
        }
        await withDeadline(refresh(act), act)
      }
    }
  }

  // --- refresh

  /**
   * Concurrent callers share one refresh.
   * @param {Action} act
   */
  const refresh = (act) => refreshing ??= refreshWithRetries(act).finally(() => {
    refreshing = null
    refreshError = undefined
    schedule()
  })

  /**
   * Retries until the resume window closes.
   * @param {Action} act
   */
  async function refreshWithRetries(act) {
    for (let attempt = 0; current; attempt++) {
      const { id, token, expiration } = current
      try {
        return await withLock(() => refreshOnce(act, token))
      } catch (caught) {
        const error = /** @type {WebchatError} */ (caught)
        if (current?.id !== id) break
        const isLate = serverNow() > Date.parse(expiration) + RESUME_WINDOW
        const final = isLate || !isTransient(error)
        reportFailure(error, 'refresh', final)
        if (isLate || endsSession(error)) {
          endSession({ by: 'service', code: endsSession(error) ? error.code : 'session_expired' })
        // A retry cannot succeed soon, but the service may be repaired: try again much later.
        } else if (final) update({ refreshAt: now() + 10 * CHECK_INTERVAL })
        if (final) throw error
        refreshError = error
        await sleep(retryDelay(error, attempt), error.retryAfter !== undefined)
      }
    }
    throw noSessionError()
  }

  /**
   * Refreshes the token, unless another tab did so while this one waited for the lock.
   * @param {Action} act
   * @param {string} token
   */
  async function refreshOnce(act, token) {
    syncFromStorage()
    if (current?.token !== token) return
    const { id } = current
    const answer = await sendRequest(act, `${TOKEN_PATH}/Refresh`, { deploymentKey, token }, current)
    syncFromStorage()
    if (current?.id !== id) return
    const { conversation_sid, expiration } = answer
    update({ ...parseTokenResponse(answer), ...conversation_sid && { conversationSid: conversation_sid } })
    emit('refreshed', { expiration, by: 'this-tab' })
  }

  /**
   * Checks a token response and computes the clock skew: the service's time is `expiration` minus `expires_in`.
   * @param {any} answer
   */
  function parseTokenResponse({ token, identity, expiration, expires_in, refresh_after = expires_in * 0.8 }) {
    const ahead = Date.parse(expiration) - expires_in * 1000 - now()
    const session = { token, identity, expiration, skew: ahead, refreshAt: now() + Math.max(1, refresh_after) * 1000 }
    if (!validSession({ ...EMPTY_SESSION, ...session }) || isNaN(ahead)) throw makeError(UNEXPECTED)
    skew = ahead
    return session
  }

  // --- public methods

  async function resume() {
    await restore()
    if (!current) return false
    const act = startAction('resume')
    try {
      await withDeadline(refresh(act), act)
    } catch (caught) {
      // After a transient error the session still exists, and the refresh is being retried.
      if (current && !isTransient(/** @type {WebchatError} */ (caught))) throw caught
    }
    return current !== null
  }

  /**
   * Creates a session, unless another tab has just done so.
   * @param {Action} act
   */
  async function startSession(act) {
    await restore()
    if (current) return
    const id = randomHex(16)
    const credentials = { key: await createProofKey(id), loginTimestamp: `${now()}`, token: '' }
    const answer = await sendRequest(act, TOKEN_PATH, { deploymentKey }, credentials)
    current = { ...EMPTY_SESSION, id, bound: credentials.key !== null, ...credentials, ...parseTokenResponse(answer) }
    addListeners()
    update({})
  }

  /** @param {Form} [form] @returns {Promise<Conversation>} */
  async function open(form) {
    const act = startAction('openConversation')
    if (!current) await resume()
    return withRetries(act, async () => {
      if (!current) await withDeadline(withLock(() => startSession(act)), act)
      if (!current?.conversationSid) {
        const { conversation_sid } = await sendAuthorized(act, CHANNELS_PATH, form ?? {})
        update({ conversationSid: conversation_sid })
      }
      if (!current) throw noSessionError()
      const { conversationSid, identity } = current
      return { conversationSid, identity }
    })
  }

  /** @param {Form} [form] */
  const openConversation = (form) => openingConversation ??= open(form).finally(() => {
    openingConversation = null
  })

  /**
   * A call to the conversation's messages.
   * @param {Action} act
   * @param {string} query
   * @param {object} [body]
   */
  const sendToMessages = (act, query, body) => withRetries(act, async () => {
    if (!current?.conversationSid) throw noSessionError()
    return sendAuthorized(act, `${CHANNELS_PATH}/${current.conversationSid}/Messages${query}`, body)
  })

  /** @param {any} message @returns {ChatMessage} */
  const message = ({ date_created, ...rest }) => ({ ...rest, dateCreated: date_created })

  /** @param {{after?: number}} [page] @returns {Promise<ChatMessage[]>} */
  async function messages(page) {
    const act = startAction('messages')
    /** @type {ChatMessage[]} */
    const all = []
    for (let last = page?.after; ;) {
      const { messages: found, last_index } = await sendToMessages(act, last === undefined ? '' : `?after=${last}`)
      all.push(...found.map(message))
      last = found[found.length - 1]?.index ?? last_index
      if (last === last_index) return all
    }
  }

  /** @param {string} body */
  const send = async (body) => message(await sendToMessages(startAction('send'), '', { body }))

  async function end() {
    await restore()
    if (!current) return
    const credentials = current
    const { token } = credentials
    endSession({ by: 'guest' })
    const act = startAction('end')
    await withRetries(act, () => sendRequest(act, `${TOKEN_PATH}/Revoke`, { deploymentKey, token }, credentials))
  }

  for (const name of /** @type {const} */ (['identity', 'conversationSid', 'expiration'])) {
    Object.defineProperty(target, name, { get: () => current?.[name] || null })
  }
  return /** @type {any} */ (Object.assign(target, { resume, openConversation, messages, send, end }))
}
