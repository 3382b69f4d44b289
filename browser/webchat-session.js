// @ts-check
/**
 * Client for a site's page: the Browser of the diagrams (docs/sequences). It requests a token from
 * FlexWebchatOrchestratorService, stores it, refreshes it once for all tabs, and opens the conversation. One tab waits for
 * messages and passes them to the others. The page never sees the token. It receives messages and failures as events, with
 * the API's `code` and a sentence for the guest.
 * Storage, keys, locks and channels are optional: without them the chat lives in memory until the page closes.
 */

// --- Public types ----------------------------------------------------------------------------------------------------

/**
 * @typedef {object} Options
 * @property {string} endpoint Base URL of the service: `https://chat.example.com`, or a path on the page's origin.
 * @property {string} deploymentKey `CV…`, 32 hexadecimal digits.
 * @property {Record<string, string>} [sentences] Sentences for the guest, by code, that replace the English ones.
 * @property {number} [patience] How long a call may retry, in whole milliseconds; 15000 by default.
 */

/** @typedef {{customerFriendlyName?: string | undefined, preEngagementData?: unknown}} Form The guest's input. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */

/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'wait' | 'send' | 'assertion' |
 *   'end'} During */
/** @typedef {{message: ChatMessage, isOwn: boolean}} Received `isOwn`: the guest is the author. */
/** @typedef {{conversationSid: string}} Closed */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, requestId?: string | null, by: 'guest' | 'another-tab' | 'service'}} Ended */

/**
 * @typedef {object} Refused
 * @property {string} code Of the API, or `network_unreachable`, `unexpected_answer` or `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] Seconds, from the `Retry-After` header.
 * @property {string | null} [requestId] Of the response, for support.
 * @property {boolean} final False if the module will retry.
 * @property {During} during
 */

/**
 * The module waits for messages once the page listens to `message` or `closed`.
 * @typedef {object} Events
 * @property {CustomEvent<Received>} message Each message of the conversation once, from the first one, in order.
 * @property {CustomEvent<Closed>} closed The conversation was closed, after its last message.
 * @property {CustomEvent<{}>} recovered Waiting works again after a `refused` with `during: 'wait'`.
 * @property {CustomEvent<Refreshed>} refreshed
 * @property {CustomEvent<Refused>} refused
 * @property {CustomEvent<Ended>} ended
 */

/**
 * Every call rejects with a `WebchatError`.
 * @typedef {object} Calls
 * @property {() => Promise<boolean>} resume Resumes the stored session; false if there is none.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Starts a session if there is none.
 * @property {(page?: {after?: number | undefined}) => Promise<ChatMessage[]>} messages The messages after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {(audience: string) => Promise<string>} assertion A signed statement about the guest for another service, valid
 *   for 10 to 60 s; one is reused until 10 s before its end.
 * @property {(method: string, url: string) => Promise<Record<string, string>>} headers What a request of the page's own needs to
 *   pass a proxy that asks Authorize. For one request, with this method and URL.
 * @property {() => Promise<void>} end Deletes the session and revokes its token.
 * @property {() => void} leave Stops waiting, timers and listeners, without ending the session; `resume` starts again.
 * @property {string | null} identity Of the current session, as are the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void,
 *   options?: AddEventListenerOptions | boolean) => void} addEventListener
 */

/** @typedef {Readonly<Calls> & EventTarget} WebchatSession */

/** Why a call failed. `message` is for the guest; `reason` (the service's message) and `requestId` are for support. */
export class WebchatError extends Error {
  name = 'WebchatError'
  /** @type {number | undefined} */
  status
  /** @type {number | undefined} Seconds, from the `Retry-After` header. */
  retryAfter
  /** @type {string | undefined} */
  reason
  /** @type {string | null | undefined} */
  requestId
  /** Whether the module has given up and dispatched a final `refused` event. */
  final = false

  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} more
   */
  constructor(code, message, more) {
    super(message)
    this.code = code
    Object.assign(this, more)
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
 * @property {string} id Shared by the session's tabs and its proof key.
 * @property {boolean} bound Whether the session is bound to a proof key.
 * @property {string} token
 * @property {string} identity
 * @property {string} expiration By the service's clock.
 * @property {number} refreshAt
 * @property {number} skew Milliseconds that the service's clock is ahead.
 * @property {string} loginTimestamp
 * @property {string} conversationSid The newest conversation; empty if none was opened.
 */

/** @typedef {{id: string, privateKey: CryptoKey, jwk: object}} ProofKey */
/** @typedef {{key: ProofKey | null, loginTimestamp: string, token: string}} Credentials Sent with a request. */

/**
 * A running call.
 * @typedef {object} Action
 * @property {During} during
 * @property {string} trace A random id.
 * @property {number} until Its deadline.
 * @property {number} [after] The index after which messages are read.
 * @property {number} [wait] The seconds for which the service may wait for one.
 * @property {AbortSignal} [signal]
 * @property {number} [retryAfter] Seconds, of the last response.
 */

/**
 * What a read has covered: all messages after an index, up to the last one of `messages`.
 * @typedef {object} Page
 * @property {string} sid The conversation.
 * @property {number} after -1 for the beginning.
 * @property {any[]} messages As the API returns them, like the next two, which a page with a message just sent lacks.
 * @property {number} [last_index]
 * @property {string} [state]
 */

const UNREACHABLE = 'network_unreachable'
const UNEXPECTED = 'unexpected_answer'
const UI_VERSION = '1.0.0'
/** Longer than Starship's timeout, so that Starship's error response arrives first. */
const REQUEST_TIMEOUT = 15_000
const MAX_RETRY_DELAY = 30_000
const CHECK_INTERVAL = 30_000
/** Seconds that the service holds a request for messages. */
const MAX_WAIT = 25
/** The attempt whose `retryDelay` is 0 to 3 s. */
const SHORT_PAUSE = Math.log2(3)
/** The longest time after a token's expiry in which the service may still refresh it. */
const RESUME_WINDOW = 86_400_000

const TOKEN_PATH = '/v2/Webchat/Token'
const CHANNELS_PATH = '/v2/WebChannels'

/** @type {StoredSession} Also the types that `validSession` checks. */
const EMPTY_SESSION = {
  id: '', bound: true, token: '', identity: '', expiration: '', refreshAt: 0, skew: 0, loginTimestamp: '',
  conversationSid: '',
}

const noop = () => {}
const now = () => Date.now()

/** @param {string | null} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(/** @type {string} */ (text))
  } catch {
    return null
  }
}

/** @param {any} session @returns {StoredSession | null} Null if a field is missing or has another type. */
const validSession = (session) => session
  && Object.entries(EMPTY_SESSION).every(([name, example]) => typeof session[name] === typeof example) ? session : null

/** @param {number} bytes */
const randomHex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)),
  (byte) => byte.toString(16).padStart(2, '0')).join('')

// --- Proof of possession (RFC 9449) ----------------------------------------------------------------------------------

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
  const ath = token ? base64url(await crypto.subtle.digest('SHA-256', utf8(token))) : undefined
  const claims = { htm, htu, iat: Math.floor(time / 1000), jti: randomHex(16), ath, nonce }
  const signed = [{ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims]
    .map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
  return `${signed}.${base64url(await crypto.subtle.sign(ES256, privateKey, utf8(signed)))}`
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
 * @param {{retryAfter?: number}} of @param {number} attempt
 */
const retryDelay = ({ retryAfter }, attempt) => retryAfter === undefined
  ? Math.random() * Math.min(MAX_RETRY_DELAY, 1000 * 2 ** attempt)
  : Math.min(retryAfter, 3600) * 1000

/** @param {any} message @returns {ChatMessage} */
const toMessage = ({ date_created, ...rest }) => ({ ...rest, dateCreated: date_created })

/** @param {{messages: any[], last_index?: number}} page Whether it has the conversation's last message, or none. */
const isLastPage = ({ messages, last_index }) => !(messages[messages.length - 1]?.index < /** @type {any} */ (last_index))

/**
 * Creates the client. Does no I/O until a method is called, and can be called on a server. Throws a `TypeError` if an
 * option is wrong.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession(options) {
  /** @type {Options} */
  const { endpoint, deploymentKey, sentences = {}, patience = 15_000 } = Object(options)
  const wrong = (/^(https?:\/\/.|\.{0,2}\/)/.test(endpoint) ? '' : ' endpoint')
    + (/^CV[\da-f]{32}$/i.test(deploymentKey) ? '' : ' deploymentKey')
    + (Object(sentences) === sentences ? '' : ' sentences')
    + (patience >>> 0 === patience ? '' : ' patience')
  if (wrong) throw new TypeError('createSession: invalid' + wrong)
  const base = () => new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, '')
  const storageKey = () => `webchat-session ${base()} ${deploymentKey}`
  const target = new EventTarget()
  const subscribe = target.addEventListener
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
  /** @type {Map<string, {answer: Promise<string>, until: number}>} By session, conversation and audience. */
  const assertions = new Map()
  /** Failures of the refresh in a row; while there are any, it is repeated at `retryAt`. */
  let failures = 0
  let retryAt = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {BroadcastChannel | undefined} */
  let channel
  /** @type {AbortController | undefined} Removes the listeners; undefined unless timers and listeners run. */
  let active
  let isLeft = false
  /** Whether the page listens to messages. */
  let isListening = false
  /** The conversation whose messages are dispatched, which the next three variables belong to; or empty. */
  let followed = ''
  /** The index of the last message that was dispatched. */
  let cursor = -1
  /** Whether no message can follow. */
  let isDone = false
  /** Whether a failure of waiting was dispatched. */
  let hasFailed = false
  /** @type {AbortController} Aborts when this tab's role among the tabs changes. */
  let role
  /** @type {Promise<unknown>} The last of the reads without waiting, which run one after the other. */
  let reads
  /** @type {Set<(byEvent: boolean) => void>} Wakes each pending `sleep`. */
  const sleepers = new Set()

  /** @param {During} during @returns {Action} */
  function startAction(during) {
    syncFromStorage()
    return { during, trace: randomHex(16), until: now() + patience }
  }

  // --- events

  /** @param {keyof Events} type @param {object} detail */
  const emit = (type, detail) => target.dispatchEvent(new CustomEvent(type, { detail }))

  /**
   * @param {string} code
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} [more]
   * @param {string} [endedSentence] The sentence for codes that end a session.
   */
  const makeError = (code, more = {}, endedSentence = ENDED) =>
    new WebchatError(code,
      sentences[code] ?? SENTENCES[code] ?? (endsSession({ code }) ? endedSentence : TRY_LATER), more)

  /** @returns {never} */
  const unreachable = () => {
    throw makeError(UNREACHABLE)
  }

  /** @param {unknown} caught */
  const toError = (caught) => caught instanceof WebchatError ? caught : makeError(UNEXPECTED, { reason: `${caught}` })

  /**
   * Dispatches `refused`. An error that fails several calls is dispatched as final only once.
   * @param {WebchatError} error
   * @param {During} during
   * @param {boolean} final
   */
  function reportFailure(error, during, final) {
    if (error.final) return
    error.final = final
    hasFailed ||= during === 'wait'
    emit('refused', { ...error, message: error.message, during })
  }

  // --- storage

  /** Undefined if storage is blocked. */
  function readStored() {
    try {
      return validSession(parse(localStorage.getItem(storageKey())))
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
      localStorage.setItem(storageKey(), JSON.stringify(session))
      isStored = true
    } catch {
      isStored = false
    }
    channel?.postMessage(0)
    schedule()
    follow()
  }

  /**
   * Deletes token and key together.
   * @param {string} id The session; does nothing if another one is stored by now.
   */
  function clearStored(id) {
    if (readStored()?.id !== id) return
    localStorage.removeItem(storageKey())
    inKeyStore('readwrite', (store) => store.delete(storageKey())).catch(noop)
    channel?.postMessage(0)
  }

  /** Takes over what another tab stored or deleted. */
  function syncFromStorage() {
    const session = current && isStored ? readStored() : undefined
    if (!current || session === undefined) return
    if (session?.id !== current.id) return endSession({ by: 'another-tab' })
    const isNew = session.token !== current.token
    current = { ...session, key: current.key }
    follow()
    if (!isNew) return
    skew = session.skew
    failures = 0
    schedule()
    emit('refreshed', { expiration: session.expiration, by: 'another-tab' })
  }

  /** @param {Ended} detail */
  function endSession(detail) {
    if (!current) return
    clearStored(current.id)
    current = null
    isStored = false
    stop()
    sleepers.forEach((wake) => wake(false))
    emit('ended', detail)
  }

  /** Loads the stored session of an earlier page. Deletes it if its proof key is missing. */
  async function restore() {
    start()
    const session = readStored()
    if (current || !session) return
    /** @type {ProofKey | null} */
    let key = null
    if (session.bound) {
      try {
        key = await inKeyStore('readonly', (store) => store.get(storageKey()))
      } catch {
        return
      }
      if (key?.id !== session.id) return clearStored(session.id)
    }
    if (current) return
    current = { ...session, key }
    isStored = true
    skew = session.skew
    start()
  }

  /** @param {string} id @returns {Promise<ProofKey | null>} */
  async function createProofKey(id) {
    try {
      const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (
        await crypto.subtle.generateKey(ES256, false, ['sign']))
      const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
      const key = { id, privateKey, jwk: { kty, crv, x, y } }
      // A stored token is useless without its key. If storage is blocked, both live in memory.
      if (readStored() !== undefined) await inKeyStore('readwrite', (store) => store.put(key, storageKey()))
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
    const enter = (ifAvailable) => navigator.locks.request(storageKey(), { ifAvailable }, async (lock) => {
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

  /** Listens for other tabs, the network and the page becoming visible, until the session ends or is left. */
  function start() {
    if (active || isLeft || !current) return
    active = new AbortController()
    const { signal } = active
    /** @param {Event} event */
    const wake = ({ type }) => {
      sleepers.forEach((end) => end(true))
      retryAt = 0
      tick()
      // A new request, even if this tab leads: the connection of the old one may be dead after a sleep.
      if (type !== 'online' && !document.hidden) compete(true)
    }
    // A page in the back/forward cache would keep the lock, and not wait.
    const pagehide = () => role?.abort()
    /** @type {Record<string, (event: any) => void>} */
    const listeners = { visibilitychange: wake, pageshow: wake, online: wake, pagehide, storage: syncFromStorage }
    for (const type in listeners) addEventListener(type, listeners[type], { signal })
    try {
      channel = new BroadcastChannel(storageKey())
      channel.onmessage = ({ data }) => {
        syncFromStorage()
        if (data) receive(data)
      }
    } catch {
      // Missing or blocked.
    }
    schedule()
  }

  function stop() {
    clearTimeout(timer)
    active?.abort()
    active = undefined
    channel?.close()
    channel = undefined
    follow()
  }

  // --- waiting for messages

  /** Follows the session's newest conversation, or stops. */
  function follow() {
    const sid = active && isListening && current?.conversationSid || ''
    if (sid === followed) return
    followed = sid
    cursor = -1
    isDone = hasFailed = false
    compete(!document.hidden)
  }

  /**
   * Competes for the lock. Its holder, the leader, waits at the service and passes all messages to the other tabs; a tab
   * that is shown takes the lock from its holder. Without locks or channels each tab waits.
   * @param {boolean} steal
   */
  function compete(steal) {
    role?.abort()
    if (!followed) return
    role = new AbortController()
    const { signal } = role
    const lead = () => read(signal, MAX_WAIT)
    // A follower first reads what it has missed.
    reads = steal ? Promise.resolve() : read(signal, 0)
    if (!channel || !navigator.locks) return void lead()
    navigator.locks.request(`webchat-session ${followed}`, steal ? { steal } : { signal }, lead).catch((error) => {
      if (signal.aborted) return
      if (error.name === 'AbortError') compete(false)
      else lead()
    })
  }

  /**
   * Dispatches the page's messages that were not dispatched yet. If some before them are missing, reads these first.
   * @param {Page} page
   */
  function receive(page) {
    const { sid, after, messages, last_index = -1, state } = page
    if (sid !== followed) return
    if (after > cursor) {
      const { signal } = role
      reads = reads.then(() => after > cursor ? read(signal, 0) : receive(page))
      return
    }
    // The service was restored from an older state.
    if (state && last_index < after) cursor = last_index
    for (const message of messages.map(toMessage)) {
      if (message.index <= cursor) continue
      cursor = message.index
      emit('message', { message, isOwn: message.author === current?.identity })
      if (sid !== followed) return
    }
    if (isDone || state !== 'closed' || !isLastPage(page)) return
    isDone = true
    emit('closed', { conversationSid: sid })
  }

  /**
   * Reads and dispatches the messages after the cursor: without `wait` up to the last one, with it until the signal.
   * @param {AbortSignal} signal
   * @param {number} wait In seconds.
   */
  async function read(signal, wait) {
    // A refresh that `resume` begins comes first.
    await null
    while (!signal.aborted && !isDone) {
      const after = cursor
      const begun = now()
      const act = { ...startAction('wait'), until: Infinity, wait, signal }
      let ms = 0
      try {
        await refreshing?.catch(noop)
        const page = await withRetries(act, () => {
          // After a failure the answer comes at once, so that the page knows.
          if (hasFailed) act.wait = 0
          // The connection may be dead: the new request does not use it.
          const watchdog = act.wait && setTimeout(compete, REQUEST_TIMEOUT + act.wait * 1000, true)
          return readPage(act, followed, after).finally(() => clearTimeout(watchdog))
        })
        if (signal.aborted) return
        if (hasFailed) emit('recovered', {})
        hasFailed = false
        receive(page)
        const isEmpty = cursor === after && !isDone
        if (!wait && (isEmpty || isLastPage(page))) return
        if (!isEmpty) channel?.postMessage(page)
        // Empty before half the wait: a proxy, a restart or no place must cause no request loop.
        else if (now() - begun < act.wait * 500) ms = retryDelay(act, SHORT_PAUSE)
      } catch (error) {
        if (signal.aborted) return
        isDone = /** @type {WebchatError} */ (error).code === 'not_found'
        ms = CHECK_INTERVAL
      }
      if (ms) await sleep(ms, false, signal)
    }
  }

  // --- time

  const dueIn = () => (failures ? retryAt : current?.refreshAt ?? 0) - now()

  function schedule() {
    clearTimeout(timer)
    if (active && current) timer = setTimeout(tick, Math.min(CHECK_INTERVAL, dueIn()))
  }

  /** Refreshes the token if it is due. Runs periodically and on wake-up, since timers stop while a machine sleeps. */
  function tick() {
    syncFromStorage()
    if (!current) return
    if (dueIn() > 0) schedule()
    else refresh(startAction('refresh')).catch(noop)
  }

  /**
   * @param {number} ms
   * @param {boolean} uninterruptible For `Retry-After`: only the end of the session, or the signal, wakes it early.
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  const sleep = (ms, uninterruptible, signal) => new Promise((resolve) => {
    /** @param {boolean} byEvent */
    const end = (byEvent) => {
      if (byEvent && uninterruptible) return
      clearTimeout(timeout)
      sleepers.delete(end)
      resolve()
    }
    const timeout = setTimeout(end, ms, false)
    sleepers.add(end)
    signal?.addEventListener('abort', () => end(false))
  })

  // --- requests

  /**
   * The widget's headers, which the fingerprint is made of.
   * @param {string | number | undefined} loginTimestamp
   */
  const evidence = async (loginTimestamp) => ({
    'x-twilio-sec-decoders': await (decodersHeader ??= probeDecoders()),
    'x-twilio-sec-usersettings': JSON.stringify({
      language: navigator.language,
      cookieEnabled: navigator.cookieEnabled,
      userTimezone: new Date().getTimezoneOffset(),
    }),
    'x-twilio-sec-webchatinfo': JSON.stringify({ loginTimestamp }),
  })

  /**
   * Sends one call. Retries a rejected proof once with the response's nonce and once with a fresh proof, by the
   * response's `Date` if the clocks differ: at most three requests.
   * @param {Action} act
   * @param {string} path
   * @param {object | undefined} body Undefined for a GET.
   * @param {Credentials} credentials
   * @param {boolean} [bearer] Whether to send the token in `Authorization`.
   * @returns {Promise<any>}
   */
  async function sendRequest(act, path, body, { key, loginTimestamp, token }, bearer) {
    const { during, trace, after = -1, wait = 0, signal } = act
    const url = base() + path
    const method = body ? 'POST' : 'GET'
    const corrections = new Set(key && ['invalid_dpop_proof', 'use_dpop_nonce'])
    for (;;) {
      const at = now() + skew
      const usedNonce = nonce
      /** @type {Record<string, string>} */
      const headers = {
        ...await evidence(loginTimestamp),
        'ui-version': UI_VERSION,
        traceparent: `00-${trace}-${randomHex(8)}-01`,
        ...body && { 'content-type': 'application/json' },
        ...bearer && { authorization: `Bearer ${token}` },
        // The service stores a message once per key, so each repeat of a `send` has the same one.
        ...during === 'send' && { 'idempotency-key': trace },
        // A header, since a browser sends one preflight for each URL.
        ...after >= 0 && { 'webchat-after': `${after}` },
        ...key && { dpop: await signProof(key, method, url.split('?')[0], at, token, usedNonce) },
      }
      const response = await fetch(url, {
        method, headers, body: body && JSON.stringify(body, (_, value) => value?.toWellFormed?.() ?? value),
        // Missing in older browsers, which have timeouts of their own, and in the typings.
        signal: wait ? signal : /** @type {any} */ (AbortSignal).timeout?.(REQUEST_TIMEOUT),
        // No `cache` option: responses have `no-store`, and with the option Chromium sends a preflight for each call.
        keepalive: during === 'end', credentials: 'omit', redirect: 'error', referrerPolicy: 'strict-origin',
      }).catch(unreachable)
      const answer = parse(await response.text().catch(unreachable))
      /** @type {(name: string) => any} Null if the header is missing or not exposed to the page. */
      const header = (name) => response.headers.get(name)
      nonce = header('dpop-nonce') || nonce
      const seconds = parseFloat(header('retry-after'))
      act.retryAfter = seconds >= 0 ? seconds : undefined
      if (response.ok && answer) return answer
      const code = answer?.code ?? UNEXPECTED
      const time = Date.parse(header('date'))
      // Also without a difference of the clocks: a browser repeats a request whose connection was lost, and with it the
      // proof, which the service accepts once.
      if (code === 'invalid_dpop_proof' && corrections.delete(code)) {
        if (Math.abs(time - at) > 5000) skew = time - now()
        continue
      }
      // The same nonce, or none, would be rejected again.
      if (code === 'use_dpop_nonce' && nonce !== usedNonce && corrections.delete(code)) continue
      throw makeError(code, {
        status: response.status,
        retryAfter: act.retryAfter,
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
  async function withRetries({ during, until, signal }, work) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (caught) {
        const error = toError(caught)
        const uninterruptible = error.retryAfter !== undefined
        const left = until - now()
        const ms = retryDelay(error, attempt)
        const final = error.final || !isTransient(error) || left <= 0 || (uninterruptible && ms > left)
        if (signal?.aborted) throw error
        // A wait whose connection was lost is not reported if the next one succeeds.
        if (final || attempt || during !== 'wait') reportFailure(error, during, final)
        if (final) throw error
        await sleep(Math.min(ms, left), uninterruptible, signal)
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
    for (let isFirstTry = true; ; isFirstTry = false) {
      if (!current) throw makeError('no_session')
      const { id, token } = current
      try {
        return await sendRequest(act, path, body, current, true)
      } catch (caught) {
        const error = /** @type {WebchatError} */ (caught)
        const { code } = error
        if (!endsSession(error)) throw error
        syncFromStorage()
        if (current?.id !== id) throw makeError('no_session')
        if (isFirstTry && current.token !== token) continue
        if (!isFirstTry || !/^(expired_token|fingerprint_invalid)$/.test(code)) {
          reportFailure(error, act.during, true)
          endSession({ ...error, by: 'service' })
          throw error
        }
        await refresh(act)
      }
    }
  }

  // --- refresh

  /**
   * Concurrent callers share one refresh.
   * @param {Action} act
   */
  const refresh = (act) => refreshing ??= tryRefresh(act).finally(() => {
    refreshing = null
    schedule()
    follow()
  })

  /**
   * Refreshes the token once. After a failure a timer tries again, until the resume window closes.
   * @param {Action} act
   */
  async function tryRefresh(act) {
    const { id, token, expiration } = /** @type {StoredSession} */ (current)
    try {
      await withLock(() => refreshOnce(act, token))
      failures = 0
    } catch (caught) {
      const error = toError(caught)
      if (current?.id !== id) throw makeError('no_session')
      const isEnd = endsSession(error)
      const isLate = now() + skew > Date.parse(expiration) + RESUME_WINDOW
      const final = isLate || !isTransient(error)
      reportFailure(error, 'refresh', final)
      if (isLate || isEnd) endSession({ ...error, code: isEnd ? error.code : 'session_expired', by: 'service' })
      else if (final) {
        // A retry cannot succeed soon, but the service may be repaired: try again much later.
        failures = 0
        update({ refreshAt: now() + 10 * CHECK_INTERVAL })
      } else retryAt = now() + retryDelay(error, failures++)
      throw error
    }
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
    const answer = await sendRequest({ ...act, during: 'refresh', wait: 0, after: -1 }, `${TOKEN_PATH}/Refresh`, { deploymentKey, token }, current)
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
    isLeft = false
    await restore()
    if (!current) return false
    const act = startAction('resume')
    try {
      await refresh(act)
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
    start()
    update({})
  }

  /** @param {Form} [form] @returns {Promise<Conversation>} */
  async function open(form) {
    const act = startAction('openConversation')
    if (!active) await resume()
    return withRetries(act, async () => {
      if (!current) await withLock(() => startSession(act))
      // Returns the session's conversation, unless there is none or it is closed or full.
      const { conversation_sid: conversationSid, identity } = await sendAuthorized(act, CHANNELS_PATH, form ?? {})
      update({ conversationSid })
      return { conversationSid, identity }
    })
  }

  /** @param {Form} [form] */
  const openConversation = (form) => openingConversation ??= open(form).finally(() => {
    openingConversation = null
  })

  const tab = `${Math.random()}`.slice(2, 8)

  /**
   * Reads the messages after an index. Chromium lets equal requests wait for each other for up to 20 s, so each tab's
   * differ: a frozen tab keeps its own.
   * @param {Action} act
   * @param {string} sid
   * @param {number} after -1 for all.
   * @returns {Promise<Page>}
   */
  async function readPage(act, sid, after) {
    act.after = after
    return { ...await sendAuthorized(act, `${CHANNELS_PATH}/${sid}/Messages` + (act.wait ? `?wait=${MAX_WAIT}&tab=${tab}` : '')), sid, after }
  }

  /** @param {{after?: number | undefined}} [page] @returns {Promise<ChatMessage[]>} */
  async function messages(page) {
    const act = startAction('messages')
    const sid = current?.conversationSid
    /** @type {ChatMessage[]} */
    const all = []
    for (let after = page?.after ?? -1; sid !== ''; after = all[all.length - 1].index) {
      const found = await withRetries(act, () => readPage(act, /** @type {string} */ (sid), after))
      all.push(...found.messages.map(toMessage))
      if (isLastPage(found)) break
    }
    return all
  }

  /** @param {string} body */
  async function send(body) {
    const act = startAction('send')
    const sid = current?.conversationSid
    const sent = await withRetries(act, async () => {
      if (!sid) throw makeError('no_session')
      return sendAuthorized(act, `${CHANNELS_PATH}/${sid}/Messages`, { body })
    })
    const page = { sid: /** @type {string} */ (sid), after: sent.index - 1, messages: [sent] }
    receive(page)
    channel?.postMessage(page)
    return toMessage(sent)
  }

  /** @param {string} audience @returns {Promise<string>} */
  function assertion(audience) {
    const act = startAction('assertion')
    // One of another session or conversation is not reused.
    const key = `${current?.id} ${current?.conversationSid} ${audience}`
    const known = assertions.get(key)
    if (known && now() < known.until) return known.answer
    const answer = withRetries(act, async () => {
      const begun = now()
      const { assertion, expires_in } = await sendAuthorized(act, `${TOKEN_PATH}/Assertion`, { audience })
      if (!assertion) throw makeError(UNEXPECTED)
      assertions.set(key, { answer, until: begun + (expires_in - 10) * 1000 })
      return assertion
    }).catch((error) => {
      assertions.delete(key)
      throw error
    })
    // While it is in flight, other calls share it.
    assertions.set(key, { answer, until: Infinity })
    return answer
  }

  /** @param {string} method @param {string} url */
  async function headers(method, url) {
    await restore()
    if (current && !(Date.parse(current.expiration) > now() + skew)) await refresh(startAction('refresh'))
    if (!current) throw makeError('no_session')
    const { key, token, loginTimestamp } = current
    const htu = new URL(url, document.baseURI).href.split(/[?#]/)[0]
    // With a proof, the widget's headers may be absent: each would have to be allowed by the other service's CORS.
    return {
      authorization: `${key ? 'DPoP' : 'Bearer'} ${token}`,
      ...key ? { dpop: await signProof(key, method, htu, now() + skew, token, nonce) } : await evidence(loginTimestamp),
    }
  }

  async function end() {
    await restore()
    if (!current) return
    const credentials = current
    const { token } = credentials
    endSession({ by: 'guest' })
    const act = startAction('end')
    await withRetries(act, () => sendRequest(act, `${TOKEN_PATH}/Revoke`, { deploymentKey, token }, credentials))
  }

  function leave() {
    isLeft = true
    stop()
  }

  /** @param {string} type @param {[any, any?]} rest */
  function listen(type, ...rest) {
    subscribe.call(target, type, ...rest)
    isListening ||= type === 'message' || type === 'closed'
    follow()
  }

  for (const name of /** @type {const} */ (['identity', 'conversationSid', 'expiration'])) {
    Object.defineProperty(target, name, { get: () => current?.[name] || null })
  }
  return /** @type {any} */ (Object.assign(target, {
    resume, openConversation, messages, send, assertion, headers, end, leave, addEventListener: listen,
    [/** @type {any} */ (Symbol).dispose ?? 'leave']: leave,
  }))
}
