/**
 * Does no I/O until it is told to.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences, patience }: Options): WebchatSession;
/**
 * The Browser of the diagrams (docs/sequences): it asks FlexWebchatOrchestratorService for a token, keeps it, refreshes
 * it once for all tabs, and opens and holds the conversation. The page sees no token, only what happens to it: events,
 * each failure with the API's `code` and a sentence for the guest. Nothing that a browser may refuse is required:
 * without storage, keys, locks or channels the chat goes on in memory until the page closes.
 */
/**
 * @typedef {object} Options
 * @property {string} endpoint Where the service is called: `https://chat.example.com`, or a path of the page's origin.
 * @property {string} deploymentKey `CV…`
 * @property {Record<string, string>} [sentences] What the guest is told, by code, in place of the English sentences.
 * @property {number} [patience] How many milliseconds a call by the guest may wait for a better moment; 15000.
 */
/** @typedef {{customerFriendlyName?: string, preEngagementData?: unknown}} Form What the guest filled in. */
/** @typedef {{conversationSid: string, identity: string}} Conversation */
/** @typedef {{sid: string, index: number, author: string, body: string, dateCreated: string}} ChatMessage */
/** @typedef {'resume' | 'refresh' | 'openConversation' | 'messages' | 'send' | 'end'} During */
/** @typedef {{expiration: string, by: 'this-tab' | 'another-tab'}} Refreshed */
/** @typedef {{code?: string, by: 'guest' | 'another-tab' | 'service'}} Ended */
/**
 * @typedef {object} Refused
 * @property {string} code The API's, or one of `network_unreachable`, `unexpected_answer`, `message_unconfirmed`,
 *   `no_session`.
 * @property {string} message A sentence for the guest.
 * @property {number} [retryAfter] How many seconds the service asked to wait.
 * @property {boolean} final Whether nothing more is tried.
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
 * @property {() => Promise<boolean>} resume Goes on with the session that is kept, if there is one.
 * @property {(form?: Form) => Promise<Conversation>} openConversation Begins a session if there is none.
 * @property {(page?: {after?: number}) => Promise<ChatMessage[]>} messages Those after an index, or all.
 * @property {(body: string) => Promise<ChatMessage>} send
 * @property {() => Promise<void>} end Forgets the session and revokes its token.
 * @property {string | null} identity Of the running session, like the next two.
 * @property {string | null} conversationSid
 * @property {string | null} expiration
 * @property {<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void,
 *   options?: AddEventListenerOptions | boolean) => void} addEventListener
 */
/** @typedef {Readonly<Calls> & EventTarget} WebchatSession */
/** Why a call was not done. `message` is for the guest, `reason` (the service's words) and `requestId` for support. */
export class WebchatError extends Error {
    /**
     * @param {string} code
     * @param {string} message
     * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string | null}} more
     */
    constructor(code: string, message: string, { status, retryAfter, reason, requestId }: {
        status?: number;
        retryAfter?: number;
        reason?: string;
        requestId?: string | null;
    });
    code: string;
    status: number | undefined;
    retryAfter: number | undefined;
    reason: string | undefined;
    requestId: string | null | undefined;
    /** Whether nothing more is tried, and the page has been told so. */
    final: boolean;
}
export type Options = {
    /**
     * Where the service is called: `https://chat.example.com`, or a path of the page's origin.
     */
    endpoint: string;
    /**
     * `CV…`
     */
    deploymentKey: string;
    /**
     * What the guest is told, by code, in place of the English sentences.
     */
    sentences?: Record<string, string> | undefined;
    /**
     * How many milliseconds a call by the guest may wait for a better moment; 15000.
     */
    patience?: number | undefined;
};
/**
 * What the guest filled in.
 */
export type Form = {
    customerFriendlyName?: string;
    preEngagementData?: unknown;
};
export type Conversation = {
    conversationSid: string;
    identity: string;
};
export type ChatMessage = {
    sid: string;
    index: number;
    author: string;
    body: string;
    dateCreated: string;
};
export type During = 'resume' | 'refresh' | 'openConversation' | 'messages' | 'send' | 'end';
export type Refreshed = {
    expiration: string;
    by: 'this-tab' | 'another-tab';
};
export type Ended = {
    code?: string;
    by: 'guest' | 'another-tab' | 'service';
};
export type Refused = {
    /**
     * The API's, or one of `network_unreachable`, `unexpected_answer`, `message_unconfirmed`,
     * `no_session`.
     */
    code: string;
    /**
     * A sentence for the guest.
     */
    message: string;
    /**
     * How many seconds the service asked to wait.
     */
    retryAfter?: number | undefined;
    /**
     * Whether nothing more is tried.
     */
    final: boolean;
    during: During;
};
export type Events = {
    refreshed: CustomEvent<Refreshed>;
    refused: CustomEvent<Refused>;
    ended: CustomEvent<Ended>;
};
/**
 * Every call rejects with a `WebchatError`.
 */
export type Calls = {
    /**
     * Goes on with the session that is kept, if there is one.
     */
    resume: () => Promise<boolean>;
    /**
     * Begins a session if there is none.
     */
    openConversation: (form?: Form) => Promise<Conversation>;
    /**
     * Those after an index, or all.
     */
    messages: (page?: {
        after?: number;
    }) => Promise<ChatMessage[]>;
    send: (body: string) => Promise<ChatMessage>;
    /**
     * Forgets the session and revokes its token.
     */
    end: () => Promise<void>;
    /**
     * Of the running session, like the next two.
     */
    identity: string | null;
    conversationSid: string | null;
    expiration: string | null;
    addEventListener: <Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void, options?: AddEventListenerOptions | boolean) => void;
};
export type WebchatSession = Readonly<Calls> & EventTarget;
/**
 * A session as it stands in localStorage. Times are milliseconds of this machine's clock.
 */
export type Kept = {
    version: number;
    /**
     * Names the session among tabs, and its key.
     */
    id: string;
    /**
     * Whether the session is bound to the key.
     */
    bound: boolean;
    token: string;
    identity: string;
    /**
     * By the service's clock.
     */
    expiration: string;
    refreshAt: number;
    /**
     * How far the service's clock is ahead.
     */
    skew: number;
    loginTimestamp: string;
    /**
     * Empty as long as there is none.
     */
    conversationSid: string;
};
export type ProofKey = {
    id: string;
    privateKey: CryptoKey;
    jwk: object;
};
/**
 * What a call shows of its session.
 */
export type Caller = {
    key: ProofKey | null;
    loginTimestamp: string;
    token: string;
};
/**
 * What was set going, its trace and its end.
 */
export type Action = {
    during: During;
    trace: string;
    until: number;
};
