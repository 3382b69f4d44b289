/** @param {string | null} text @returns {Kept | null} */
export function parseKept(text: string | null): Kept | null;
/**
 * Does no I/O until it is told to.
 * @param {Options} options
 * @returns {WebchatSession}
 */
export function createSession({ endpoint, deploymentKey, sentences, patience }: Options): WebchatSession;
/** Why a call was not done. `message` is for the guest, `reason` (the service's own words) and `requestId` for support. */
export class WebchatError extends Error {
    /**
     * @param {string} code
     * @param {string} message
     * @param {{status?: number, retryAfter?: number, reason?: string, requestId?: string, date?: number}} [more]
     */
    constructor(code: string, message: string, more?: {
        status?: number;
        retryAfter?: number;
        reason?: string;
        requestId?: string;
        date?: number;
    });
    code: string;
    status: number;
    retryAfter: number;
    reason: string;
    requestId: string;
    /** @internal The service's time, in milliseconds. */
    date: number;
}
export function pause({ retryAfter }: WebchatError, attempt: number): number;
export type Options = {
    /**
     * Where the service is called: `https://chat.example.com`, or a path of the page's own origin.
     */
    endpoint: string;
    /**
     * `CV…`
     */
    deploymentKey: string;
    /**
     * What the guest is told, by code, in place of the English sentences.
     */
    sentences?: Record<string, string>;
    /**
     * How many milliseconds a call by the guest may go on trying; 15000 if not given.
     */
    patience?: number;
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
     * The API's, or one of `network_unreachable`, `network_timeout`, `unexpected_answer`,
     * `message_unconfirmed`, `no_session`.
     */
    code: string;
    /**
     * A sentence for the guest.
     */
    message: string;
    /**
     * Seconds until the next try, as the service asked.
     */
    retryAfter?: number;
    /**
     * Whether nothing more is tried.
     */
    final: boolean;
    during: During;
};
export type Listen = (type: 'refreshed' | 'refused' | 'ended', listener: (event: CustomEvent<any>) => void, options?: AddEventListenerOptions | boolean) => void;
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
     * Revokes the token and forgets the session.
     */
    end: () => Promise<void>;
    /**
     * Of the running session, like the next two.
     */
    identity: string | null;
    conversationSid: string | null;
    expiration: string | null;
    addEventListener: Listen;
};
/**
 * Every call rejects with a `WebchatError`.
 */
export type WebchatSession = EventTarget & Readonly<Calls>;
/**
 * A running session, as it stands in localStorage beside those of other deployments.
 */
export type Kept = {
    version: 1;
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
    expiration: string;
    /**
     * The same, in milliseconds of the service's clock.
     */
    expiresAt: number;
    /**
     * In milliseconds of this machine's clock.
     */
    refreshAt: number;
    /**
     * What the service's clock is ahead of this machine's, in milliseconds.
     */
    skew: number;
    loginTimestamp: string;
    conversationSid: string | null;
};
export type ProofKey = {
    id: string;
    privateKey: CryptoKey;
    jwk: {
        kty?: string;
        crv?: string;
        x?: string;
        y?: string;
    };
};
/**
 * What the guest or the clock set going: one trace.
 */
export type Action = {
    during: During;
    trace: string;
};
export type Caller = {
    key: ProofKey | null;
    loginTimestamp: string;
    token?: string;
    bearer?: boolean;
};
