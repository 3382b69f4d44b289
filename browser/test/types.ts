// Use of the module in a TypeScript site: type-checked only, never run.
import { createSession, WebchatError, type ChatMessage, type WebchatSession } from '../webchat-session.js'

const session: WebchatSession = createSession({
  endpoint: 'https://chat.example.com',
  deploymentKey: 'CV00000000000000000000000000000001',
  sentences: { rate_limited: 'Bitte einen Augenblick.' },
})

session.addEventListener('message', ({ detail: { message, isOwn } }) => isOwn || message.body.concat(message.author))
session.addEventListener('closed', ({ detail }) => detail.conversationSid.length)
session.addEventListener('recovered', () => {})
session.addEventListener('refreshed', ({ detail }) => detail.by === 'another-tab' && detail.expiration.length)
session.addEventListener('refused', ({ detail }) => detail.final && detail.message.concat(detail.code, detail.requestId ?? ''))
session.addEventListener('ended', ({ detail }) => detail.code ?? detail.requestId ?? detail.by)

export async function chat(): Promise<ChatMessage[]> {
  const resumed: boolean = await session.resume()
  if (!resumed) await session.openConversation({ customerFriendlyName: 'Ada', preEngagementData: { topic: 'order' } })
  try {
    const { index } = await session.send('Hello')
    const assertion: string = await session.assertion('https://api.example.com')
    await fetch('https://api.example.com/orders', { headers: { authorization: `Bearer ${assertion}` } })
    return await session.messages({ after: index - 1 })
  } catch (error) {
    if (error instanceof WebchatError && error.code === 'network_unreachable') return session.messages()
    throw error
  } finally {
    await session.end()
  }
}

export const unmount = () => session.leave()

// @ts-expect-error The page has no access to the token.
void session.token
// @ts-expect-error The identity is read-only.
session.identity = 'somebody'
// @ts-expect-error The stored entry is no type for pages.
export type Stored = import('../webchat-session.js').StoredSession
// @ts-expect-error The options are required.
createSession()
