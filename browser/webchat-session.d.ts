/**
 * Creates the client. Does no I/O until a method is called.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences, patience }: Options): WebchatSession;
/**
 * Client for a site's page: the Browser of the diagrams (docs/sequences). It requests a token from
 * FlexWebchatOrchestratorService, stores it, refreshes it once for all tabs, and opens and reads the conversation. The
 * page never sees the token. It receives events and errors, with the API's `code` and a sentence for the guest.
 * Storage, keys, locks and channels are optional: without them the chat lives in memory until the page closes.
 */
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
    /** Whether the module has given up and dispatched a final `refused` event. */
    final: boolean;
}
export type Options = {
    /**
     * Base URL of the service: `https://chat.example.com`, or a path on the page's origin.
     */
    endpoint: string;
    /**
     * `CV…`
     */
    deploymentKey: string;
    /**
     * Sentences for the guest, by code, that replace the English ones.
     */
    sentences?: Record<string, string> | undefined;
    /**
     * How long a call may retry, in milliseconds; 15000 by default.
     */
    patience?: number | undefined;
};
/**
 * The guest's input.
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
     * Of the API, or `network_unreachable`, `unexpected_answer` or `no_session`.
     */
    code: string;
    /**
     * A sentence for the guest.
     */
    message: string;
    /**
     * Seconds, from the `Retry-After` header.
     */
    retryAfter?: number | undefined;
    /**
     * False if the module will retry.
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
     * Resumes the stored session; false if there is none.
     */
    resume: () => Promise<boolean>;
    /**
     * Starts a session if there is none.
     */
    openConversation: (form?: Form) => Promise<Conversation>;
    /**
     * The messages after an index, or all.
     */
    messages: (page?: {
        after?: number;
    }) => Promise<ChatMessage[]>;
    send: (body: string) => Promise<ChatMessage>;
    /**
     * Deletes the session and revokes its token.
     */
    end: () => Promise<void>;
    /**
     * Of the current session, as are the next two.
     */
    identity: string | null;
    conversationSid: string | null;
    expiration: string | null;
    addEventListener: <Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void, options?: AddEventListenerOptions | boolean) => void;
};
export type WebchatSession = Readonly<Calls> & EventTarget;
/**
 * The entry in localStorage. Times are milliseconds by the local clock.
 */
export type StoredSession = {
    version: number;
    /**
     * Shared by the session's tabs and its proof key.
     */
    id: string;
    /**
     * Whether the session is bound to a proof key.
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
     * Milliseconds that the service's clock is ahead.
     */
    skew: number;
    loginTimestamp: string;
    /**
     * Empty if no conversation is open.
     */
    conversationSid: string;
};
export type ProofKey = {
    id: string;
    privateKey: CryptoKey;
    jwk: object;
};
/**
 * Sent with a request.
 */
export type Credentials = {
    key: ProofKey | null;
    loginTimestamp: string;
    token: string;
};
/**
 * A running call: name, random id, deadline.
 */
export type Action = {
    during: During;
    trace: string;
    until: number;
};
