// @ts-check
/**
 * The Browser of the diagrams (docs/sequences): it asks FlexWebchatOrchestratorService for a token, keeps it, refreshes
 * it once for all tabs, and opens and holds the conversation. The page sees no token, only what happens to it: events,
 * each failure with the API's `code` and a sentence for the guest. Nothing that a browser may refuse is required:
 * without storage, keys, locks or channels the chat goes on in memory until the page closes.
 */

// ---------------------------------------------------------------------------------------------- what a page deals with

/**
 * @typedef {object} Options
 * @property {string} endpoint Where the service is called: `https://chat.example.com`, or a path of the page's own origin.
 * @property {string} deploymentKey `CV…`
 * @property {Record<string, string>} [sentences] What the guest is told, by code, in place of the English sentences.
 * @property {number} [patience] How many milliseconds a call by the guest may go on trying; 15000 if not given.
 */

/** @typedef {{customerFriendlyName?: string, preEngagementData?: unknown}} Form What the guest filled in. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */

/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'send' | 'end'} During */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, by: 'guest' | 'another-tab' | 'service'}} Ended */

/**
 * @typedef {object} Refused
 * @property {string} code The API's, or one of `network_unreachable`, `network_timeout`, `unexpected_answer`,
 *   `message_unconfirmed`, `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] Seconds until the next try, as the service asked.
 * @property {boolean} final Whether nothing more is tried.
 * @property {During} during
 */

/**
 * @callback Listen
 * @param {'refreshed' | 'refused' | 'ended'} type
 * @param {((event: CustomEvent<any>) => void) | null} listener
 * @param {AddEventListenerOptions | boolean} [options]
 * @returns {void}
 */

/**
 * @typedef {object} Calls
 * @property {() => Promise<boolean>} resume Goes on with the session that is kept, if there is one.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Begins a session if there is none.
 * @property {(page?: {after?: number}) => Promise<ChatMessage[]>} messages Those after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {() => Promise<void>} end Revokes the token and forgets the session.
 * @property {string | null} identity Of the running session, like the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {Listen} addEventListener
 */

/** @typedef {EventTarget & Readonly<Calls>} WebchatSession Every call rejects with a `WebchatError`. */

const OVER = 'This chat has ended. You can start a new one.'
const LATER = 'The chat cannot be reached right now. Please try again in a moment.'
const MISPLACED = 'The chat is not set up for this page. Please contact us in another way.'
const OFFLINE = 'There is no connection right now. Please check your network.'

/** @type {Record<string, string>} */
const SENTENCES = {
  invalid_request: 'That could not be accepted. Please check what you entered; a message may be too long.',
  payload_too_large: 'That is too long. Please shorten it.',
  invalid_token: OVER,
  expired_token: OVER,
  revoked_token: OVER,
  session_expired: OVER,
  invalid_dpop_proof: 'This browser could not show that the chat is yours. Please start a new one.',
  fingerprint_invalid: 'This chat was started in another browser. Please start a new one here.',
  fingerprint_unavailable: 'This browser hides what keeps your chat safe. Please try another browser.',
  origin_not_allowed: MISPLACED,
  deployment_key_not_found: MISPLACED,
  deployment_key_disabled: 'The chat is closed right now.',
  not_found: 'This conversation could not be found.',
  rate_limited: 'That was a little too fast. Please wait a moment.',
  network_unreachable: OFFLINE,
  network_timeout: OFFLINE,
  message_unconfirmed: 'We cannot tell whether your message arrived. Please look at the chat before you send it again.',
  no_session: 'There is no chat yet. Please start one.',
}

/** Why a call was not done. `message` is for the guest, `reason` (the service's own words) and `requestId` for support. */
export class WebchatError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string, date?: number}} [more]
   */
  constructor(code, message, more = {}) {
    super(message)
    this.name = 'WebchatError'
    this.code = code
    this.status = more.status
    this.retryAfter = more.retryAfter
    this.reason = more.reason
    this.requestId = more.requestId
    /** @internal The service's time, in milliseconds. */
    this.date = more.date
  }
}

// ------------------------------------------------------------------------------------------------ what the module keeps

/**
 * A running session, as it stands in localStorage beside those of other deployments.
 * @typedef {object} Kept
 * @property {1} version
 * @property {string} id Names the session among tabs, and its key.
 * @property {boolean} bound Whether the session is bound to the key.
 * @property {string} token
 * @property {string} identity
 * @property {string} expiration
 * @property {number} expiresAt The same, in milliseconds of the service's clock.
 * @property {number} refreshAt In milliseconds of this machine's clock.
 * @property {number} skew What the service's clock is ahead of this machine's, in milliseconds.
 * @property {string} loginTimestamp
 * @property {string | null} conversationSid
 */

/** @typedef {{id: string, privateKey: CryptoKey, jwk: {kty?: string, crv?: string, x?: string, y?: string}}} ProofKey */
/** @typedef {{during: During, trace: string}} Action What the guest or the clock set going: one trace. */
/** @typedef {{key: ProofKey | null, loginTimestamp: string, token?: string, bearer?: boolean}} Caller */

const VERSION = '1.0.0'
const PATIENCE = 15_000
/** Longer than Starship waits, so that its answer is the one that counts. */
const ANSWER_WITHIN = 15_000
const LONGEST_PAUSE = 30_000
const LOOK_EVERY = 30_000
const LEASE = 20_000
/** How long after a token's end its session may still be resumed, at most. */
const RESUME_WINDOW = 86_400_000
/** A page of messages that is shorter than this is the last. */
const PAGE = 200

const ENDING = new Set(['invalid_token', 'expired_token', 'revoked_token', 'session_expired', 'fingerprint_invalid',
  'invalid_dpop_proof'])

/** @param {string | null} text @returns {Kept | null} */
export function parseKept(text) {
  /** @type {any} */
  let kept = null
  try {
    kept = JSON.parse(text ?? '')
  } catch {
    return null
  }
  const texts = ['id', 'token', 'identity', 'expiration', 'loginTimestamp']
  const numbers = ['expiresAt', 'refreshAt', 'skew']
  const sid = kept?.conversationSid
  return kept?.version === 1 && typeof kept.bound === 'boolean' && (sid === null || typeof sid === 'string')
    && texts.every((name) => typeof kept[name] === 'string') && numbers.every((name) => Number.isFinite(kept[name]))
    ? kept : null
}

/** @param {number} bytes */
const random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes))
/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
/** @param {ArrayBuffer | Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
/** @param {string} text */
const utf8 = (text) => new TextEncoder().encode(text)
const nothing = () => {}

/** @param {During} during @returns {Action} */
const action = (during) => ({ during, trace: hex(random(16)) })

// ------------------------------------------------------------------------- proof of possession (RFC 9449, docs/api.md)

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** @param {ProofKey} key @param {string} method @param {string} url @param {number} now @param {string} [token] */
async function prove(key, method, url, now, token) {
  const ath = token && base64url(await crypto.subtle.digest('SHA-256', utf8(token)))
  const claims = { htm: method, htu: url, iat: Math.floor(now / 1000), jti: hex(random(16)), ath }
  const parts = [{ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk }, claims]
  const signed = parts.map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
  return `${signed}.${base64url(await crypto.subtle.sign(ES256, key.privateKey, utf8(signed)))}`
}

/**
 * Uses the one table of keys, by deployment. Some browsers never answer when IndexedDB is blocked.
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} use
 * @returns {Promise<T>}
 */
function inKeyStore(mode, use) {
  return new Promise((resolve, reject) => {
    setTimeout(reject, 3000)
    const opening = indexedDB.open('webchat-session', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('keys')
    opening.onerror = reject
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('keys', mode)
      const request = use(transaction.objectStore('keys'))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = transaction.onabort = reject
      opening.result.close()
    }
  })
}

/** @param {string} slot @param {string} id @param {boolean} storageWorks @returns {Promise<ProofKey | null>} */
async function makeKey(slot, id, storageWorks) {
  try {
    const pair = await crypto.subtle.generateKey(ES256, false, ['sign'])
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', /** @type {CryptoKey} */ (pair.publicKey))
    const key = { id, privateKey: /** @type {CryptoKey} */ (pair.privateKey), jwk: { kty, crv, x, y } }
    // A token that outlives its key is lost; one that lives as short as the key is not.
    if (storageWorks) await inKeyStore('readwrite', (store) => store.put(key, slot))
    return key
  } catch {
    return null
  }
}

// ---------------------------------------------------------------------- what a request shows of its browser (contract, 4)

/** @type {Promise<string> | undefined} */
let decoders

/** Both answers, or the same constant for both: as the released widget does. */
async function probeDecoders() {
  const ask = (/** @type {MediaDecodingConfiguration} */ configuration) =>
    navigator.mediaCapabilities.decodingInfo(configuration)
  const told = (/** @type {any} */ { powerEfficient, smooth, supported, keySystemAccess = null }) =>
    ({ powerEfficient, smooth, supported, keySystemAccess })
  try {
    const contentType = 'video/mp4; codecs="avc1.42E01E"'
    const [audio, video] = await Promise.all([
      ask({ type: 'file', audio: { contentType: 'audio/mpeg', channels: '2', bitrate: 128000, samplerate: 44100 } }),
      ask({ type: 'file', video: { contentType, width: 640, height: 360, bitrate: 500000, framerate: 30 } }),
    ])
    return JSON.stringify({ audio: told({ ...audio, keySystemAccess: null }), video: told({ ...video, keySystemAccess: null }) })
  } catch {
    const neither = { powerEfficient: false, smooth: false, supported: false, keySystemAccess: null }
    return JSON.stringify({ audio: neither, video: neither })
  }
}

/** @param {string} loginTimestamp @returns {Promise<Record<string, string>>} */
async function browserHeaders(loginTimestamp) {
  const { language, cookieEnabled } = navigator
  return {
    'x-twilio-sec-decoders': await (decoders ??= probeDecoders()),
    'x-twilio-sec-usersettings':
      JSON.stringify({ language, cookieEnabled, userTimezone: new Date().getTimezoneOffset() }),
    'x-twilio-sec-webchatinfo': JSON.stringify({ loginTimestamp }),
    'ui-version': VERSION,
  }
}

// --------------------------------------------------------------------------------------------------------- when to repeat

/**
 * Whether the same call may do better a moment later.
 * @param {WebchatError} error
 */
const passes = ({ status = 0, code }) => status >= 500 || status === 429 || code.startsWith('network_')

/**
 * How long to wait before the next try: what the service asked for, otherwise exponential with full jitter.
 * @param {WebchatError} error @param {number} attempt
 */
export const pause = ({ retryAfter }, attempt) =>
  retryAfter === undefined ? Math.random() * Math.min(LONGEST_PAUSE, 1000 * 2 ** attempt)
    : Math.min(retryAfter, 3600) * 1000 + Math.random() * 250

/**
 * Does no I/O until it is told to.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences = {}, patience = PATIENCE }) {
  const base = new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, '')
  const slot = `webchat-session ${base} ${deploymentKey}`
  const target = new EventTarget()
  /** @type {Kept | null} */
  let current = null
  /** @type {ProofKey | null} */
  let key = null
  /** Whether `current` stands in localStorage too. */
  let stored = false
  let skew = 0
  /** After a refusal that waiting does not mend, the clock tries again much later. */
  let notBefore = 0
  /** @type {Promise<void> | null} */
  let refreshing = null
  /** @type {Promise<Conversation> | null} */
  let opening = null
  /** @type {WebchatError | null} */
  let trouble = null
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {BroadcastChannel | null} */
  let channel = null
  /** @type {AbortController | null} */
  let listening = null
  /** @type {Set<(comesOnline: boolean) => void>} */
  const waits = new Set()
  /** @type {WeakSet<WebchatError>} */
  const told = new WeakSet()

  const serverNow = () => Date.now() + skew

  // ------------------------------------------------------------------------------------------------------------- events

  /** @param {string} type @param {Refreshed | Refused | Ended} detail */
  const tell = (type, detail) => target.dispatchEvent(new CustomEvent(type, { detail }))

  /** @param {string} code @param {ConstructorParameters<typeof WebchatError>[2]} [more] */
  const failure = (code, more) => new WebchatError(code, sentences[code] ?? SENTENCES[code] ?? LATER, more)

  /** @param {WebchatError} error @param {During} during @param {boolean} final */
  function refuse(error, during, final) {
    if (told.has(error)) return
    if (final) told.add(error)
    const { code, message, retryAfter } = error
    tell('refused', { code, message, final, during, ...retryAfter !== undefined && { retryAfter } })
  }

  // ------------------------------------------------------------------------------------------------------------ storage

  /** @returns {Kept | null | undefined} Undefined where storage is blocked. */
  function read() {
    try {
      return parseKept(localStorage.getItem(slot))
    } catch {
      return undefined
    }
  }

  /**
   * Keeps the session for reloads and the other tabs, and tells them to look.
   * @param {Kept} kept
   */
  function keep(kept) {
    current = kept
    try {
      localStorage.setItem(slot, JSON.stringify(kept))
      stored = true
    } catch {
      stored = false
    }
    channel?.postMessage(kept.id)
    schedule()
  }

  /** @param {string} id */
  function erase(id) {
    try {
      if (read()?.id === id) localStorage.removeItem(slot)
    } catch {
      // Nothing is there then.
    }
    try {
      inKeyStore('readwrite', (store) => store.delete(slot)).catch(nothing)
    } catch {
      // Nothing is there then.
    }
    channel?.postMessage(id)
  }

  /** What another tab did. */
  function look() {
    const kept = current && stored ? read() : undefined
    if (!current || kept === undefined) return
    if (kept?.id !== current.id) forget({ by: 'another-tab' })
    else adopt(kept)
  }

  /** @param {Kept} kept Of this same session. */
  function adopt(kept) {
    const isNew = kept.token !== current?.token
    current = kept
    if (!isNew) return
    skew = kept.skew
    schedule()
    tell('refreshed', { expiration: kept.expiration, by: 'another-tab' })
  }

  /** @param {Ended} detail */
  function forget(detail) {
    const id = current?.id
    if (!id) return
    current = key = null
    clearTimeout(timer)
    if (detail.by !== 'another-tab') erase(id)
    listening?.abort()
    channel?.close()
    channel = listening = null
    waits.forEach((wake) => wake(false))
    tell('ended', detail)
  }

  /** Finds the session of an earlier page, if its key is still there. */
  async function find() {
    const kept = read()
    if (current || !kept) return
    /** @type {ProofKey | null} */
    let found = null
    if (kept.bound) {
      try {
        found = await inKeyStore('readonly', (store) => store.get(slot))
      } catch {
        return
      }
      if (found?.id !== kept.id) return void (read()?.id === kept.id && localStorage.removeItem(slot))
    }
    if (current) return
    key = found
    current = kept
    stored = true
    skew = kept.skew
    listen()
  }

  // -------------------------------------------------------------------------------------------------------- between tabs

  /**
   * One tab at a time: by a lock, or where there are none by a lease in localStorage. Where there is neither, the service
   * gives a token that is refreshed twice within a minute the same successor.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async function exclusively(work) {
    let entered = false
    try {
      return await navigator.locks.request(slot, () => {
        entered = true
        return work()
      })
    } catch (error) {
      if (entered) throw error
    }
    const own = hex(random(8))
    const lease = `${slot} lease`
    try {
      for (;;) {
        const [owner, until] = (localStorage.getItem(lease) ?? '').split(' ')
        if (owner === own) break
        const left = Number(until) - Date.now()
        if (!(left > 0 && left <= LEASE)) localStorage.setItem(lease, `${own} ${Date.now() + LEASE}`)
        await wait(50 + Math.random() * 50)
      }
    } catch {
      return work()
    }
    try {
      return await work()
    } finally {
      if (localStorage.getItem(lease)?.startsWith(own)) localStorage.removeItem(lease)
    }
  }

  /** Hears of other tabs, of the network and of waking up, as long as there is a session. */
  function listen() {
    listening = new AbortController()
    const { signal } = listening
    const wake = () => document.visibilityState !== 'hidden' && tick()
    document.addEventListener('visibilitychange', wake, { signal })
    addEventListener('pageshow', wake, { signal })
    addEventListener('online', () => {
      waits.forEach((awake) => awake(true))
      tick()
    }, { signal })
    addEventListener('storage', look, { signal })
    try {
      channel = new BroadcastChannel(slot)
      channel.onmessage = look
    } catch {
      // The storage event does.
    }
    schedule()
  }

  // --------------------------------------------------------------------------------------------------------------- time

  function schedule() {
    clearTimeout(timer)
    if (current) timer = setTimeout(tick, Math.max(0, Math.min(LOOK_EVERY, due() - Date.now())))
  }

  const due = () => Math.max(current?.refreshAt ?? 0, notBefore)

  /** Timers stop while a machine sleeps, so the clock is looked at every half minute and whenever the page wakes up. */
  function tick() {
    look()
    if (!current) return
    if (Date.now() < due()) schedule()
    else if (!refreshing) refresh(action('refresh')).catch(nothing)
  }

  /** @param {number} ms @param {boolean} [asAsked] Whether the service asked for it: then it is kept. @returns {Promise<void>} */
  function wait(ms, asAsked = false) {
    return new Promise((resolve) => {
      const wake = (/** @type {boolean} */ comesOnline) => {
        if (comesOnline && asAsked) return
        clearTimeout(sleeping)
        waits.delete(wake)
        resolve()
      }
      const sleeping = setTimeout(wake, ms, false)
      waits.add(wake)
    })
  }

  // -------------------------------------------------------------------------------------------------------------- calls

  /**
   * One call. A proof that is refused for its age is made once more, with the time that the refusal tells.
   * @param {Action} act @param {string} method @param {string} path @param {object | undefined} body @param {Caller} caller
   * @returns {Promise<any>}
   */
  async function call(act, method, path, body, caller) {
    try {
      return await callOnce(act, method, path, body, caller)
    } catch (error) {
      const { code, date = NaN } = /** @type {WebchatError} */ (error)
      if (code !== 'invalid_dpop_proof' || !caller.key || !(Math.abs(date - serverNow()) > 5000)) throw error
      skew = date - Date.now()
      return callOnce(act, method, path, body, caller)
    }
  }

  /** @type {typeof call} */
  async function callOnce(act, method, path, body, { key, loginTimestamp, token, bearer }) {
    const url = base + path
    const headers = await browserHeaders(loginTimestamp)
    headers.traceparent = `00-${act.trace}-${hex(random(8))}-01`
    if (body) headers['content-type'] = 'application/json'
    if (bearer) headers.authorization = `Bearer ${token}`
    if (key) headers.dpop = await prove(key, method, url.replace(/\?.*/, ''), serverNow(), token)
    const clock = new AbortController()
    const limit = setTimeout(() => clock.abort(), ANSWER_WITHIN)
    try {
      const response = await fetch(url, {
        method, headers, body: body && JSON.stringify(body), signal: clock.signal, keepalive: act.during === 'end',
        mode: 'cors', credentials: 'omit', cache: 'no-store', redirect: 'error', referrerPolicy: 'strict-origin',
      })
      const text = await response.text()
      return answered(response, text)
    } catch (error) {
      if (error instanceof WebchatError) throw error
      throw failure(clock.signal.aborted ? 'network_timeout' : 'network_unreachable')
    } finally {
      clearTimeout(limit)
    }
  }

  /** @param {Response} response @param {string} text */
  function answered({ ok, status, headers }, text) {
    /** @type {any} */
    let answer = null
    try {
      answer = JSON.parse(text)
    } catch {
      // Not one of ours: a proxy's, say.
    }
    if (ok && answer) return answer
    const seconds = Number(headers.get('retry-after') ?? NaN)
    throw failure(typeof answer?.code === 'string' ? answer.code : 'unexpected_answer', {
      status,
      retryAfter: seconds >= 0 ? seconds : undefined,
      reason: answer?.message,
      requestId: headers.get('request-id') ?? undefined,
      date: Date.parse(headers.get('date') ?? ''),
    })
  }

  /**
   * Tries as long as the guest may be kept waiting.
   * @template T
   * @param {Action} act
   * @param {() => Promise<T>} work
   * @param {(error: WebchatError) => boolean} [mayRepeat]
   * @returns {Promise<T>}
   */
  async function patiently({ during }, work, mayRepeat = passes) {
    const until = Date.now() + patience
    for (let attempt = 0; ; attempt++) {
      try {
        return await within(work(), until)
      } catch (thrown) {
        const error = thrown instanceof WebchatError ? thrown : failure('unexpected_answer', { reason: String(thrown) })
        const asked = error.retryAfter !== undefined
        const left = until - Date.now()
        const ms = asked ? pause(error, attempt) : Math.min(left, pause(error, attempt))
        const final = told.has(error) || !mayRepeat(error) || left <= 0 || ms > left
        refuse(error, during, final)
        if (final) throw error
        await wait(ms, asked)
      }
    }
  }

  /**
   * @template T
   * @param {Promise<T>} work @param {number} until
   * @returns {Promise<T>}
   */
  function within(work, until) {
    /** @type {ReturnType<typeof setTimeout>} */
    let limit
    const late = new Promise((_, reject) => {
      limit = setTimeout(() => reject(trouble ?? failure('network_timeout')), until - Date.now())
    })
    return /** @type {Promise<T>} */ (Promise.race([work, late])).finally(() => clearTimeout(limit))
  }

  /**
   * A call of the conversation. A token that has ended, or is not bound to this browser yet, is refreshed once.
   * @param {Action} act @param {string} method @param {string} path @param {object} [body]
   * @returns {Promise<any>}
   */
  async function withToken(act, method, path, body) {
    for (let again = true; ; again = false) {
      if (!current) throw failure('no_session')
      if (serverNow() >= current.expiresAt) await refresh(act)
      const { id, token, loginTimestamp } = current
      try {
        return await call(act, method, path, body, { key, loginTimestamp, token, bearer: true })
      } catch (thrown) {
        const error = /** @type {WebchatError} */ (thrown)
        if (!ENDING.has(error.code)) throw error
        look()
        if (current?.id !== id) throw failure('no_session')
        if (again && current.token !== token) continue
        if (!again || !['expired_token', 'fingerprint_invalid'].includes(error.code)) {
          refuse(error, act.during, true)
          forget({ by: 'service', code: error.code })
          throw error
        }
        await refresh(act)
      }
    }
  }

  // ------------------------------------------------------------------------------------------------------------ refresh

  /**
   * One refresh at a time, whoever asks for it.
   * @param {Action} act
   * @returns {Promise<void>}
   */
  function refresh(act) {
    return refreshing ??= keepRefreshing(act).finally(() => {
      refreshing = trouble = null
      schedule()
    })
  }

  /**
   * Goes on as long as the session may live.
   * @param {Action} act
   */
  async function keepRefreshing(act) {
    for (let attempt = 0; current; attempt++) {
      const { id, expiresAt } = current
      try {
        return await exclusively(() => refreshOnce(act))
      } catch (thrown) {
        const error = /** @type {WebchatError} */ (thrown)
        if (current?.id !== id) throw failure('no_session')
        const over = ENDING.has(error.code) ? error.code : serverNow() > expiresAt + RESUME_WINDOW && 'session_expired'
        const final = Boolean(over) || !passes(error)
        refuse(error, 'refresh', final)
        if (over) forget({ by: 'service', code: over })
        if (final) {
          notBefore = Date.now() + 10 * LOOK_EVERY
          throw error
        }
        trouble = error
        await wait(pause(error, attempt), error.retryAfter !== undefined)
      }
    }
    throw failure('no_session')
  }

  /**
   * `B ->> FWO: refresh`, unless another tab has just done it.
   * @param {Action} act
   */
  async function refreshOnce(act) {
    const before = current
    look()
    if (!current || current.token !== before?.token) return
    const { id, token, loginTimestamp } = current
    const answer = await call(act, 'POST', '/v2/Webchat/Token/Refresh', { deploymentKey, token },
      { key, loginTimestamp, token })
    look()
    if (current?.id !== id) return
    notBefore = 0
    keep({ ...current, ...taken(answer), conversationSid: answer.conversation_sid ?? current.conversationSid })
    tell('refreshed', { expiration: answer.expiration, by: 'this-tab' })
  }

  /**
   * What an answer with a token says. The service's time is what it leaves of the token's life.
   * @param {any} answer
   */
  function taken({ token, identity, expiration, expires_in, refresh_after }) {
    const expiresAt = Date.parse(expiration)
    if (![token, identity].every((text) => typeof text === 'string') || !Number.isFinite(expiresAt + expires_in)) {
      throw failure('unexpected_answer')
    }
    skew = expiresAt - expires_in * 1000 - Date.now()
    const refreshAt = Date.now() + Math.max(1, refresh_after ?? expires_in * 0.8) * 1000
    return { token, identity, expiration, expiresAt, refreshAt, skew }
  }

  // ---------------------------------------------------------------------------------------------- what the guest may do

  async function resume() {
    await find()
    if (!current) return false
    try {
      await within(refresh(action('resume')), Date.now() + patience)
    } catch (thrown) {
      const error = /** @type {WebchatError} */ (thrown)
      // The session is there; the refresh goes on in the background.
      if (current && !passes(error)) throw error
    }
    return current !== null
  }

  /**
   * `B ->> FWO: POST /v2/Webchat/Token`, unless another tab has just done it.
   * @param {Action} act
   */
  async function begin(act) {
    await find()
    if (current) return
    const id = hex(random(16))
    const loginTimestamp = String(Date.now())
    const made = await makeKey(slot, id, read() !== undefined)
    const answer = await call(act, 'POST', '/v2/Webchat/Token', { deploymentKey }, { key: made, loginTimestamp })
    const begun = taken(answer)
    key = made
    listen()
    keep({ version: 1, id, bound: made !== null, loginTimestamp, conversationSid: null, ...begun })
  }

  /** @param {Form} [form] @returns {Promise<Conversation>} */
  async function open(form) {
    const { customerFriendlyName, preEngagementData } = form ?? {}
    const act = action('openConversation')
    if (!current) await resume()
    return patiently(act, async () => {
      if (!current) await exclusively(() => begin(act))
      const { id = '', identity = '', conversationSid = null } = current ?? {}
      if (conversationSid) return { conversationSid, identity }
      const answer = await withToken(act, 'POST', '/v2/WebChannels', { customerFriendlyName, preEngagementData })
      if (current?.id === id) keep({ ...current, conversationSid: answer.conversation_sid })
      return { conversationSid: answer.conversation_sid, identity: answer.identity }
    })
  }

  /** @param {Form} [form] */
  const openConversation = (form) => opening ??= open(form).finally(() => {
    opening = null
  })

  const messagesPath = () => {
    if (!current?.conversationSid) throw failure('no_session')
    return `/v2/WebChannels/${current.conversationSid}/Messages`
  }

  /** @param {{after?: number}} [page] @returns {Promise<ChatMessage[]>} */
  async function messages(page) {
    const { after } = page ?? {}
    const act = action('messages')
    /** @type {ChatMessage[]} */
    const all = []
    for (let last = after; ;) {
      const query = last === undefined ? '' : `?after=${last}`
      const answer = await patiently(act, async () => withToken(act, 'GET', messagesPath() + query))
      all.push(...answer.messages.map(message))
      last = all[all.length - 1]?.index
      if (answer.messages.length < PAGE) return all
    }
  }

  /** @param {any} told @returns {ChatMessage} */
  const message = ({ sid, index, author, body, date_created }) => ({ sid, index, author, body, dateCreated: date_created })

  /** @param {string} body @returns {Promise<ChatMessage>} */
  async function send(body) {
    const act = action('send')
    return message(await patiently(act, async () => {
      const path = messagesPath()
      if (serverNow() >= (current?.expiresAt ?? 0)) await refresh(act)
      const wasOffline = navigator.onLine === false
      try {
        return await withToken(act, 'POST', path, { body })
      } catch (thrown) {
        // Whoever lost the answer cannot know whether the message was taken; saying it twice is worse than asking.
        const error = /** @type {WebchatError} */ (thrown)
        if (!passes(error) || error.status === 429 || (wasOffline && !error.status)) throw error
        const { status, reason, requestId } = error
        throw failure('message_unconfirmed', { status, reason, requestId })
      }
    }, passes))
  }

  async function end() {
    await find()
    if (!current) return
    const { token, loginTimestamp } = current
    const caller = { key, loginTimestamp, token }
    forget({ by: 'guest' })
    const act = action('end')
    await patiently(act, () => call(act, 'POST', '/v2/Webchat/Token/Revoke', { deploymentKey, token }, caller))
  }

  return /** @type {any} */ (Object.defineProperties(target, Object.getOwnPropertyDescriptors({
    resume, openConversation, messages, send, end,
    get identity() {
      return current?.identity ?? null
    },
    get conversationSid() {
      return current?.conversationSid ?? null
    },
    get expiration() {
      return current?.expiration ?? null
    },
  })))
}
