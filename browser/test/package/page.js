// A page with a bundler: opens a conversation, writes, shows what arrives, and reports it once the answer is there.
import { createSession } from 'webchat-session'
import { report } from './report.js'

const session = createSession({ endpoint: '/chat', deploymentKey: 'CV00000000000000000000000000000001' })
const shown = []
session.addEventListener('message', ({ detail }) => {
  shown.push(detail.message.body)
  if (shown.length === 3) report(shown)
})
session.openConversation({ customerFriendlyName: 'Ada' }).then(() => session.send('Hello'))
